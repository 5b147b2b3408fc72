package io.millrace.model.text.data;

import io.millrace.model.text.ClassificationExample;
import io.millrace.model.text.Example;
import io.millrace.model.text.Question;
import io.millrace.model.text.Tokenizer;
import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.task.PromptTask;
import io.millrace.model.text.task.Prompted;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/**
 * Prompted rows as MeZO's code encodes them: prompt and answer as one text; the answer's tokens are
 * as many as the whole has more than the prompt alone, and the last of the sequence. What is too
 * long loses tokens from its left, behind the beginning mark; of a task whose answers are written,
 * room for one is left.
 */
final class PromptExamples {
    private static final String APART = "\n\n";

    private final Making making;
    private final OptionalInt first;

    /**
     * Makes examples.
     *
     * @param making takes them
     * @param first the id that begins every sequence, in the place of the model's own marks
     */
    PromptExamples(Making making, OptionalInt first) {
        this.making = making;
        this.first = first;
    }

    void add(DataLine row, Prompted asked) {
        add(row, asked, List.of());
    }

    /** Adds a row behind demonstrations. */
    void add(DataLine row, Prompted asked, List<String> demonstrations) {
        String before = String.join(APART, demonstrations).strip() + APART;
        int promptTokens = encoded(row, asked.prompt()).length;
        int most = making.options().seqLen();
        if (!asked.answers().isEmpty()) {
            most = Math.max(2, most - PromptTask.ANSWER_TOKENS);
        }
        List<Example> wholes = new ArrayList<>();
        int cut = 0;
        for (String whole : asked.wholes()) {
            int scored = encoded(row, whole).length - promptTokens;
            int[] ids = encoded(row, (before + whole).stripLeading());
            int[] kept = cutFromLeft(ids, most);
            if (scored < 1 || scored >= kept.length) {
                throw row.bad(
                        "candidates",
                        scored < 1
                                ? "have one that adds no tokens to the prompt"
                                : "have one that does not fit into " + most + " tokens",
                        "mend the row, or raise --seq-len");
            }
            cut = Math.max(cut, ids.length - kept.length);
            wholes.add(Example.scoringLast(kept, scored));
        }
        if (asked.answers().isEmpty()) {
            making.gathered()
                    .add(
                            new ClassificationExample(
                                    wholes, asked.right().getFirst(), asked.right()),
                            cut);
        } else {
            int[] prompt = encoded(row, (before + asked.prompt()).stripLeading());
            Question question = new Question(cutFromLeft(prompt, most), asked.answers());
            making.gathered().add(wholes.getFirst(), question, cut);
        }
    }

    private int[] encoded(DataLine row, String text) {
        Tokenizer tokenizer = making.tokenizer();
        int[] ids =
                first.isEmpty()
                        ? tokenizer.encodePrompt(text)
                        : Tokenizer.concat(
                                new int[] {first.getAsInt()}, tokenizer.encode(text, false));
        making.options().requireKnown(row.where(), ids);
        return ids;
    }

    private int[] cutFromLeft(int[] ids, int most) {
        if (ids.length <= most) {
            return ids;
        }
        int marks = first.isPresent() ? 1 : making.tokenizer().leadingSpecials();
        return Tokenizer.concat(
                Arrays.copyOf(ids, marks),
                Arrays.copyOfRange(ids, ids.length - (most - marks), ids.length));
    }
}
