package io.millrace.model.text.task.masked;

import io.millrace.model.text.row.DataLine;
import java.util.List;

/** The labels of SNLI and MNLI, of which the first publication and the hub have other orders. */
final class Inference {
    /** In the order of the words. */
    private static final List<String> LABELS = List.of("contradiction", "entailment", "neutral");

    /** In the order of the hub's numbers. */
    private static final List<String> NUMBERED = List.of("entailment", "neutral", "contradiction");

    static final List<String> WORDS = List.of(" No", " Yes", " Maybe");

    private Inference() {}

    static int label(DataLine row) {
        String field = row.has("gold_label") ? "gold_label" : "label";
        int number = row.label(field, NUMBERED.size(), NUMBERED);
        return LABELS.indexOf(NUMBERED.get(number));
    }
}
