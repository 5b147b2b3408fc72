package io.millrace.model.text;

import java.util.List;
import java.util.Objects;

/**
 * One prompt with every label word behind it. The predicted label is the candidate with the lowest
 * loss, by rule the mean over its label word's tokens, so that long words are not at a
 * disadvantage; a caller who wants the sum multiplies by {@link Example#scoredTokens}.
 *
 * @param candidates for each label, the prompt and its word, of which only the word is scored
 * @param label the true label, an index into the candidates
 */
public record ClassificationExample(List<Example> candidates, int label) {

    /** Freezes the list. */
    public ClassificationExample {
        candidates = List.copyOf(candidates);
        Objects.checkIndex(label, candidates.size());
    }

    /** The candidate of the true label, which is what training sees. */
    public Example truth() {
        return candidates.get(label);
    }

    /** The index of the lowest loss, the first of equals; NaN never wins. */
    public static int predict(double[] losses) {
        int best = 0;
        for (int i = 1; i < losses.length; i++) {
            if (losses[i] < losses[best] || Double.isNaN(losses[best])) {
                best = i;
            }
        }
        return best;
    }
}
