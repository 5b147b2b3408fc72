package io.millrace.model.spec;

import java.util.Arrays;

/**
 * How a token chooses its experts: those with the greatest shares of a softmax over all scores, of
 * two alike the one with the lower number.
 *
 * @param experts how many there are
 * @param chosen how many a token takes
 * @param normed whether the shares of those are divided by their sum
 * @param scale factor on their weights, 1 in most models
 */
public record RouteSpec(int experts, int chosen, boolean normed, float scale) {
    /** Checks that there are so many. */
    public RouteSpec {
        if (chosen < 1 || chosen > experts) {
            throw new IllegalArgumentException(chosen + " of " + experts + " experts");
        }
    }

    /**
     * Puts weights in the place of a token's scores: those of the experts that it chooses, 0 of all
     * others. A score that is no number is chosen, and makes all weights such.
     *
     * @param scores one for each expert
     */
    public void weigh(double[] scores) {
        double greatest = Arrays.stream(scores).reduce(Double.NEGATIVE_INFINITY, Math::max);
        double all = 0;
        for (int expert = 0; expert < experts; expert++) {
            scores[expert] = StrictMath.exp(scores[expert] - greatest);
            all += scores[expert];
        }
        boolean[] taken = new boolean[experts];
        for (int choice = 0; choice < chosen; choice++) {
            taken[greatestOf(scores, taken)] = true;
        }
        double sum = all;
        if (normed) {
            sum = 0;
            for (int expert = 0; expert < experts; expert++) {
                sum += taken[expert] ? scores[expert] : 0;
            }
        }
        for (int expert = 0; expert < experts; expert++) {
            scores[expert] = taken[expert] ? scores[expert] / sum * scale : 0;
        }
    }

    private static int greatestOf(double[] scores, boolean[] taken) {
        int found = -1;
        for (int expert = 0; expert < scores.length; expert++) {
            boolean better = found < 0 || Double.compare(scores[expert], scores[found]) > 0;
            found = !taken[expert] && better ? expert : found;
        }
        return found;
    }
}
