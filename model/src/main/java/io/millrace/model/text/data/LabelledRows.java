package io.millrace.model.text.data;

import io.millrace.memory.BadInputException;
import io.millrace.model.text.ClassificationExample;
import io.millrace.model.text.Example;
import io.millrace.model.text.option.DatasetOptions;
import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.shape.Template;
import java.util.Arrays;
import java.util.List;

/** A text and its label: the filled template, then the label's word, or the word at a mask. */
final class LabelledRows implements ExampleMaker {
    private final Making making;
    private final Template template;
    private final InPlaceExamples inPlace;
    private final ScoredText scored;

    LabelledRows(Making making) {
        this.making = making;
        DatasetOptions options = making.options();
        template = Template.parse(options.template());
        inPlace = new InPlaceExamples(options, template, making.tokenizer());
        scored = new ScoredText(making);
    }

    @Override
    public void add(DataLine row) {
        if (making.options().answers().isInPlace()) {
            making.gathered().add(inPlace.of(row), 0);
            return;
        }
        List<String> words = making.options().labelWords();
        if (words.isEmpty()) {
            throw new BadInputException(
                    row.where(),
                    "field 'label' needs label words",
                    "give --label-words, one for each label, or remove the field");
        }
        int label = row.label("label", words.size(), making.options().labelling().names());
        Continuations.Made made = scored.of(row, "label", template.fill(row::text), words);
        if (!making.gathered().hasChoices()) {
            requireDistinct(made.examples());
        }
        making.gathered().add(new ClassificationExample(made.examples(), label), made.cut());
    }

    private void requireDistinct(List<Example> candidates) {
        for (int i = 0; i < candidates.size(); i++) {
            for (int j = 0; j < i; j++) {
                if (Arrays.equals(candidates.get(i).ids(), candidates.get(j).ids())) {
                    List<String> words = making.options().labelWords();
                    throw new BadInputException(
                            "--label-words",
                            "'" + words.get(j) + "' and '" + words.get(i) + "' are the same tokens",
                            "choose words that the tokenizer tells apart");
                }
            }
        }
    }
}
