package io.millrace.model.text.data;

import io.millrace.memory.BadInputException;
import io.millrace.model.program.Answers;
import io.millrace.model.text.ClassificationExample;
import io.millrace.model.text.Example;
import io.millrace.model.text.Tokenizer;
import io.millrace.model.text.masked.MaskedText;
import io.millrace.model.text.option.DatasetOptions;
import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.shape.Template;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Labelled texts of a model that answers in place: one text, once for each label, which differ in
 * what is scored alone. A masked language model is scored at its mask, whose place in a template is
 * {@code {mask}}, and a classifier at the first token.
 */
final class InPlaceExamples {
    private static final String MASK = "mask";

    private final DatasetOptions options;
    private final Template template;
    private final Tokenizer tokenizer;
    private Asked asked;

    InPlaceExamples(DatasetOptions options, Template template, Tokenizer tokenizer) {
        this.options = options;
        this.template = template;
        this.tokenizer = tokenizer;
    }

    /** The example of a line. */
    ClassificationExample of(DataLine line) {
        if (asked == null) {
            asked =
                    options.answers() == Answers.FIRST
                            ? new Asked("", 0, range(options.labels()))
                            : Asked.of(options, options.labelWords(), tokenizer);
        }
        int label = line.label("label", asked.words().size(), options.labelling().names());
        int[] leading = tokenizer.leading();
        int[] trailing = tokenizer.trailing();
        if (leading.length + trailing.length >= options.seqLen()) {
            throw new BadInputException(
                    "--seq-len",
                    "is " + options.seqLen() + ", and marks alone take as many tokens",
                    "give more");
        }
        MaskedText text =
                options.answers() == Answers.FIRST
                        ? whole(line, leading, trailing)
                        : masked(line, leading, trailing);
        List<Example> candidates =
                asked.words().stream()
                        .map(word -> text.labels(word, Example.NOT_SCORED))
                        .map(labels -> new Example(text.ids(), labels, true))
                        .toList();
        return new ClassificationExample(candidates, label);
    }

    private MaskedText whole(DataLine line, int[] leading, int[] trailing) {
        int[] body = encoded(line.where(), template.fill(line::text));
        int room = options.seqLen() - leading.length - trailing.length;
        int[] kept = Arrays.copyOf(body, Math.min(body.length, room));
        return new MaskedText(Tokenizer.concat(leading, kept, trailing), 0);
    }

    private MaskedText masked(DataLine line, int[] leading, int[] trailing) {
        String prompt = template.fill(name -> name.equals(MASK) ? asked.mask() : line.text(name));
        int[] body = encoded(line.where(), prompt);
        int[] places = MaskedText.places(body, asked.maskId());
        if (places.length != 1) {
            throw new BadInputException(
                    line.where(),
                    "has " + places.length + " masks in its prompt, where there must be one",
                    "write {mask} once in --template, such as '{text} It was{mask}.'");
        }
        return MaskedText.of(leading, body, trailing, places[0], options.seqLen());
    }

    private static List<Integer> range(int count) {
        return IntStream.range(0, count).boxed().toList();
    }

    private int[] encoded(String where, String text) {
        int[] ids = tokenizer.encode(text, false);
        options.requireKnown(where, ids);
        return ids;
    }
}
