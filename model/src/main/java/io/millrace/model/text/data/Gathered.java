package io.millrace.model.text.data;

import io.millrace.memory.BadInputException;
import io.millrace.model.text.ClassificationExample;
import io.millrace.model.text.DataKind;
import io.millrace.model.text.Dataset;
import io.millrace.model.text.Example;
import io.millrace.model.text.ExampleSet;
import io.millrace.model.text.Question;
import io.millrace.model.text.TextStream;
import io.millrace.model.text.option.DatasetOptions;
import java.util.ArrayList;
import java.util.List;

/** Examples as they are made, and how much of them did not fit. */
final class Gathered {
    private final List<Example> examples = new ArrayList<>();
    private final List<ClassificationExample> choices = new ArrayList<>();
    private final List<Question> questions = new ArrayList<>();
    private final IntSequence stream = new IntSequence();
    private int cutExamples;
    private long cutTokens;

    /** Notes that an example lost some tokens, if it did. */
    private void note(int cut) {
        if (cut > 0) {
            cutExamples++;
            cutTokens += cut;
        }
    }

    void add(Example example, int cut) {
        examples.add(example);
        note(cut);
    }

    void add(ClassificationExample example, int cut) {
        choices.add(example);
        note(cut);
    }

    void add(Example example, Question question, int cut) {
        add(example, cut);
        questions.add(question);
    }

    boolean hasChoices() {
        return !choices.isEmpty();
    }

    IntSequence stream() {
        return stream;
    }

    int cutExamples() {
        return cutExamples;
    }

    long cutTokens() {
        return cutTokens;
    }

    /**
     * All of them.
     *
     * @throws BadInputException where there are none
     */
    Dataset dataset(DataKind kind, DatasetOptions options, String where) {
        boolean packs =
                options.pack() && (kind == DataKind.PLAIN_TEXT || kind == DataKind.DOCUMENTS);
        if (packs ? stream.size() < 2 : examples.isEmpty() && choices.isEmpty()) {
            throw new BadInputException(
                    where, "holds nothing to learn from", "give a file with some text in it");
        }
        if (packs) {
            return new TextStream(kind, stream.toArray(), options.seqLen());
        }
        if (!questions.isEmpty()) {
            return ExampleSet.asking(examples, questions);
        }
        return choices.isEmpty()
                ? ExampleSet.of(kind, examples)
                : ExampleSet.choosing(kind, choices);
    }
}
