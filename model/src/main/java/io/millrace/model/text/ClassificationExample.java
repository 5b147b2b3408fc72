package io.millrace.model.text;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * One prompt with every label word behind it. The predicted label is the candidate with the lowest
 * loss, by rule the mean over its label word's tokens, so that long words are not at a
 * disadvantage; a caller who wants the sum multiplies by {@link Example#scoredTokens}.
 *
 * @param candidates for each label, the prompt and its word, of which only the word is scored; of a
 *     masked language model, the text with its mask, in whose place the word is scored
 * @param label the true label, an index into the candidates
 * @param right all labels that count as right, that one among them
 */
public record ClassificationExample(List<Example> candidates, int label, List<Integer> right) {

    /** Freezes the lists. */
    public ClassificationExample {
        candidates = List.copyOf(candidates);
        right = List.copyOf(right);
        Objects.checkIndex(label, candidates.size());
    }

    /** An example with one right label. */
    public ClassificationExample(List<Example> candidates, int label) {
        this(candidates, label, List.of(label));
    }

    /** The candidate of the true label, which is what training sees. */
    public Example truth() {
        return candidates.get(label);
    }

    /** Whether all candidates are one text, with a word each in the same place of it. */
    public boolean isInPlace() {
        return candidates.getFirst().inPlace();
    }

    /** The id of each candidate's word, where they are one text. */
    public int[] words() {
        return candidates.stream()
                .mapToInt(candidate ->
                        IntStream.of(candidate.labels())
                                .filter(label -> label != Example.NOT_SCORED)
                                .findFirst()
                                .orElseThrow())
                .toArray();
    }

    /**
     * The cross-entropy of one candidate among all: {@code log Σ exp(l[label] − l[i])}, which needs
     * their losses up to a summand that is the same for all.
     */
    public static double lossAmong(double[] losses, int label) {
        double least = Arrays.stream(losses).min().orElseThrow();
        double sum = 0;
        for (double loss : losses) {
            sum += StrictMath.exp(least - loss);
        }
        return losses[label] - least + StrictMath.log(sum);
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
