package io.millrace.model.text.data;

import io.millrace.model.text.Tokenizer;
import io.millrace.model.text.option.DatasetOptions;

/**
 * What examples are made with.
 *
 * @param options how
 * @param tokenizer of the model
 * @param gathered takes them
 */
record Making(DatasetOptions options, Tokenizer tokenizer, Gathered gathered) {
    /** The ids of a text, each of which the model knows. */
    int[] encoded(String where, String text, boolean addSpecialTokens) {
        int[] ids = tokenizer.encode(text, addSpecialTokens);
        options.requireKnown(where, ids);
        return ids;
    }
}
