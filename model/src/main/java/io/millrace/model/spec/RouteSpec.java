package io.millrace.model.spec;

import java.util.Arrays;
import java.util.Optional;

/**
 * How a token chooses its experts: those with the greatest shares, of two alike the one with the
 * lower number.
 *
 * @param experts how many there are
 * @param chosen how many a token takes
 * @param shares what is made of scores
 * @param normed whether the shares of those chosen are divided by their sum
 * @param scale factor on their weights, 1 in most models
 * @param groups those that a token chooses first, each of as many experts one after another; empty
 *     where it chooses of all
 * @param correction name of the vector [experts] that is added to shares as they are compared, and
 *     to no weight; no run trains it
 */
public record RouteSpec(
        int experts,
        int chosen,
        Shares shares,
        boolean normed,
        float scale,
        Optional<Groups> groups,
        Optional<String> correction) {
    // As the family's own code has it.
    private static final double LEAST_SUM = 1e-20;

    /** What is made of scores. */
    public enum Shares {
        /** A softmax over all. */
        SOFTMAX,
        /** σ of each. */
        SIGMOID
    }

    /**
     * Groups of experts.
     *
     * @param count how many
     * @param chosen how many of them a token takes
     * @param best how many of its greatest shares a group is worth, added up
     */
    public record Groups(int count, int chosen, int best) {
        /** Checks that there are so many. */
        public Groups {
            if (chosen < 1 || chosen > count || best < 1) {
                throw new IllegalArgumentException(chosen + " of " + count + " groups");
            }
        }
    }

    /** Checks that there are so many. */
    public RouteSpec {
        if (chosen < 1 || chosen > experts) {
            throw new IllegalArgumentException(chosen + " of " + experts + " experts");
        }
        groups.ifPresent(all -> requireWhole(all, experts, chosen));
    }

    private static void requireWhole(Groups all, int experts, int chosen) {
        int size = experts / all.count;
        if (experts % all.count != 0 || all.best > size || (long) all.chosen * size < chosen) {
            throw new IllegalArgumentException(chosen + " of " + experts + " experts in " + all);
        }
    }

    /** A choice of all by a softmax. */
    public RouteSpec(int experts, int chosen, boolean normed, float scale) {
        this(experts, chosen, Shares.SOFTMAX, normed, scale, Optional.empty(), Optional.empty());
    }

    /** The same with another factor on top of its own. */
    public RouteSpec scaled(float factor) {
        return new RouteSpec(experts, chosen, shares, normed, scale * factor, groups, correction);
    }

    /** The same with another correction, or none. */
    public RouteSpec corrected(Optional<String> vector) {
        return new RouteSpec(experts, chosen, shares, normed, scale, groups, vector);
    }

    /** {@link #weigh(double[], double[])} without a correction. */
    public void weigh(double[] scores) {
        weigh(scores, null);
    }

    /**
     * Puts weights in the place of a token's scores: those of the experts that it chooses, 0 of all
     * others. A score that is no number is chosen, and its weight is none; of a softmax and of
     * normed shares all weights are none then.
     *
     * @param scores one for each expert
     * @param corrections one for each expert, or null
     */
    public void weigh(double[] scores, double[] corrections) {
        double all = share(scores);
        boolean[] taken = take(compared(scores, corrections));
        double sum = normed ? sumOf(scores, taken) : all;
        for (int expert = 0; expert < experts; expert++) {
            scores[expert] = taken[expert] ? scores[expert] / sum * scale : 0;
        }
    }

    /**
     * Puts the gradients of a token's scores in the place of those of its weights. Which experts it
     * chooses is taken as it is, as PyTorch's autograd takes it: a choice has no slope.
     *
     * @param scores one for each expert, as {@link #weigh(double[], double[])} takes them; lost
     * @param corrections as there
     * @param gradients of the weights; read of experts that it chooses alone
     */
    public void back(double[] scores, double[] corrections, double[] gradients) {
        double all = share(scores);
        boolean[] taken = take(compared(scores, corrections));
        double sum = normed ? sumOf(scores, taken) : all;
        // Σ g_e s_e / sum, which a divisor or a softmax takes off every share.
        double mean = 0;
        for (int expert = 0; expert < experts; expert++) {
            mean += taken[expert] ? gradients[expert] * scores[expert] / sum : 0;
        }
        for (int expert = 0; expert < experts; expert++) {
            double own = taken[expert] ? gradients[expert] : 0;
            if (shares == Shares.SOFTMAX) {
                boolean counts = taken[expert] || !normed;
                gradients[expert] = counts ? scale * scores[expert] / sum * (own - mean) : 0;
            } else {
                double share = scores[expert];
                double less = normed && taken[expert] ? mean : 0;
                gradients[expert] = scale / sum * (own - less) * share * (1 - share);
            }
        }
    }

    /** Makes shares of scores, but for the factor that is returned. */
    private double share(double[] scores) {
        if (shares == Shares.SIGMOID) {
            for (int expert = 0; expert < experts; expert++) {
                scores[expert] = 1 / (1 + StrictMath.exp(-scores[expert]));
            }
            return 1;
        }
        double greatest = Arrays.stream(scores).reduce(Double.NEGATIVE_INFINITY, Math::max);
        double all = 0;
        for (int expert = 0; expert < experts; expert++) {
            scores[expert] = StrictMath.exp(scores[expert] - greatest);
            all += scores[expert];
        }
        return all;
    }

    private double[] compared(double[] made, double[] corrections) {
        double[] compared = made.clone();
        for (int expert = 0; expert < experts && corrections != null; expert++) {
            compared[expert] += corrections[expert];
        }
        return compared;
    }

    private double sumOf(double[] made, boolean[] taken) {
        double sum = shares == Shares.SIGMOID ? LEAST_SUM : 0;
        for (int expert = 0; expert < experts; expert++) {
            sum += taken[expert] ? made[expert] : 0;
        }
        return sum;
    }

    private boolean[] take(double[] compared) {
        boolean[] open = new boolean[experts];
        Arrays.fill(open, true);
        groups.ifPresent(all -> keepGroups(all, compared, open));
        boolean[] taken = new boolean[experts];
        for (int choice = 0; choice < chosen; choice++) {
            int best = greatestOf(compared, open, 0, experts);
            taken[best] = true;
            open[best] = false;
        }
        return taken;
    }

    /** Closes the experts of all groups that are not chosen. */
    private void keepGroups(Groups all, double[] compared, boolean[] open) {
        int size = experts / all.count;
        double[] worth = new double[all.count];
        for (int group = 0; group < all.count; group++) {
            boolean[] left = open.clone();
            for (int i = 0; i < all.best; i++) {
                int best = greatestOf(compared, left, group * size, (group + 1) * size);
                worth[group] += compared[best];
                left[best] = false;
            }
        }
        boolean[] closed = new boolean[all.count];
        Arrays.fill(closed, true);
        for (int choice = 0; choice < all.chosen; choice++) {
            closed[greatestOf(worth, closed, 0, all.count)] = false;
        }
        for (int expert = 0; expert < experts; expert++) {
            open[expert] = !closed[expert / size];
        }
    }

    private static int greatestOf(double[] numbers, boolean[] open, int from, int to) {
        int found = -1;
        for (int i = from; i < to; i++) {
            boolean better = found < 0 || Double.compare(numbers[i], numbers[found]) > 0;
            found = open[i] && better ? i : found;
        }
        return found;
    }
}
