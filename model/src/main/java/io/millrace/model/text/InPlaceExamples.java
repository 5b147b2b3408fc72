package io.millrace.model.text;

import io.millrace.memory.BadInputException;
import io.millrace.model.program.Answers;
import io.millrace.model.text.masked.MaskedText;
import java.util.ArrayList;
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

    /**
     * What is asked of every text.
     *
     * @param mask the token, empty of a classifier
     * @param maskId its id
     * @param words the id of each label's word, or each label
     */
    private record Asked(String mask, int maskId, List<Integer> words) {}

    InPlaceExamples(DatasetOptions options, Template template, Tokenizer tokenizer) {
        this.options = options;
        this.template = template;
        this.tokenizer = tokenizer;
    }

    /** The example of a line. */
    ClassificationExample of(DataLine line) {
        if (asked == null) {
            asked = options.answers().isOfTexts() ? labels() : words();
        }
        int label = line.label("label", asked.words.size());
        int[] leading = tokenizer.leading();
        int[] trailing = tokenizer.trailing();
        if (leading.length + trailing.length >= options.seqLen()) {
            throw new BadInputException(
                    "--seq-len",
                    "is " + options.seqLen() + ", and marks alone take as many tokens",
                    "give more");
        }
        MaskedText text =
                options.answers().isOfTexts()
                        ? whole(line, leading, trailing)
                        : masked(line, leading, trailing);
        List<Example> candidates =
                asked.words.stream()
                        .map(word -> text.labels(word, Example.NOT_SCORED))
                        .map(labels -> new Example(text.ids(), labels, true))
                        .toList();
        return new ClassificationExample(candidates, label);
    }

    private MaskedText whole(DataLine line, int[] leading, int[] trailing) {
        int[] body = encoded(line.where(), template.fill(line::text));
        int room = options.seqLen() - leading.length - trailing.length;
        int[] kept = Arrays.copyOf(body, Math.min(body.length, room));
        int[] ids = Tokenizer.concat(leading, kept, trailing);
        if (ids.length == 0) {
            throw new BadInputException(
                    line.where(), "has no token, and its last one is classified", "give a text");
        }
        return new MaskedText(ids, options.answers() == Answers.LAST ? ids.length - 1 : 0);
    }

    private MaskedText masked(DataLine line, int[] leading, int[] trailing) {
        String prompt = template.fill(name -> name.equals(MASK) ? asked.mask : line.text(name));
        int[] body = encoded(line.where(), prompt);
        int[] places = MaskedText.places(body, asked.maskId);
        if (places.length != 1) {
            throw new BadInputException(
                    line.where(),
                    "has " + places.length + " masks in its prompt, where there must be one",
                    "write {mask} once in --template, such as '{text} It was{mask}.'");
        }
        return MaskedText.of(leading, body, trailing, places[0], options.seqLen());
    }

    private Asked labels() {
        return new Asked("", 0, IntStream.range(0, options.labels()).boxed().toList());
    }

    /** Each label word has to be a token by itself: the mask is one place. */
    private Asked words() {
        if (options.labelWords().isEmpty()) {
            throw new BadInputException(
                    "--label-words",
                    "are missing, and a masked language model needs a word for each label",
                    "give them in the order of the labels");
        }
        List<Integer> ids = new ArrayList<>();
        for (String word : options.labelWords()) {
            int[] encoded = encoded("--label-words", word);
            if (encoded.length != 1) {
                throw new BadInputException(
                        "--label-words",
                        "'"
                                + word
                                + "' is "
                                + encoded.length
                                + " tokens, and a mask stands for one",
                        "choose a word that is a token by itself; RoBERTa's begin with a space, as"
                                + " ' great' does");
            }
            if (ids.contains(encoded[0])) {
                throw new BadInputException(
                        "--label-words",
                        "'" + word + "' is the same token as another",
                        "choose words that the tokenizer tells apart");
            }
            ids.add(encoded[0]);
        }
        String mask = tokenizer.mask();
        return new Asked(mask, tokenizer.encode(mask, false)[0], List.copyOf(ids));
    }

    private int[] encoded(String where, String text) {
        int[] ids = tokenizer.encode(text, false);
        options.requireKnown(where, ids);
        return ids;
    }
}
