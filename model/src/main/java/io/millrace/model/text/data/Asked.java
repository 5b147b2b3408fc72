package io.millrace.model.text.data;

import io.millrace.memory.BadInputException;
import io.millrace.model.text.Tokenizer;
import io.millrace.model.text.option.DatasetOptions;
import java.util.ArrayList;
import java.util.List;

/**
 * What is asked of every text of a model that answers in place.
 *
 * @param mask the token that stands for the answer, empty of a classifier
 * @param maskId its id
 * @param words the id of each label's word, or each label
 */
record Asked(String mask, int maskId, List<Integer> words) {
    /** Each label word has to be a token by itself: the mask is one place. */
    static Asked of(DatasetOptions options, List<String> words, Tokenizer tokenizer) {
        if (words.isEmpty()) {
            throw new BadInputException(
                    "--label-words",
                    "are missing, and a masked language model needs a word for each label",
                    "give them in the order of the labels");
        }
        List<Integer> ids = new ArrayList<>();
        for (String word : words) {
            int[] encoded = tokenizer.encode(word, false);
            options.requireKnown("--label-words", encoded);
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
}
