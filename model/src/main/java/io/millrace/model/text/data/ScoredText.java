package io.millrace.model.text.data;

import io.millrace.model.text.Example;
import io.millrace.model.text.option.DatasetOptions;
import io.millrace.model.text.row.DataLine;
import java.util.List;

/** Texts behind a prompt, of which they alone are scored. */
final class ScoredText {
    private final DatasetOptions options;
    private final Continuations continuations;

    ScoredText(Making making) {
        options = making.options();
        continuations = new Continuations(making.tokenizer(), options.seqLen());
    }

    /**
     * An example for each text.
     *
     * @param row whose they are
     * @param field that the texts are from, for messages
     */
    Continuations.Made of(DataLine row, String field, String prompt, List<String> texts) {
        Continuations.Made made = continuations.examples(prompt, texts);
        if (made.examples().isEmpty()) {
            throw row.bad(
                    field,
                    "does not fit into " + options.seqLen() + " tokens behind any prompt",
                    "raise --seq-len or shorten it");
        }
        for (Example example : made.examples()) {
            options.requireKnown(row.where(), example.ids());
            if (example.scoredTokens() == 0) {
                throw row.bad(field, "encodes to no tokens", "write some text");
            }
        }
        return made;
    }
}
