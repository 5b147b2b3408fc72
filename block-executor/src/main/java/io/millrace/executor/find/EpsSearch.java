package io.millrace.executor.find;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Looks for the ε at which slopes are the most alike. The same directions on the same batches are
 * measured at each ε: two that are neighbours agree where neither rounding (below) nor curvature
 * (above) shows.
 */
final class EpsSearch {
    private static final double[] GRID = {1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1};
    private static final int DIRECTIONS = 4;

    /** Disagreement that does not matter beside the noise of a random direction. */
    private static final double TOLERABLE = 0.05;

    private final Rehearser rehearser;
    private final Consumer<String> progress;

    EpsSearch(Rehearser rehearser, Consumer<String> progress) {
        this.rehearser = rehearser;
        this.progress = progress;
    }

    /** Every ε with how it did; those whose losses are no numbers are left out. */
    List<EpsTrial> trials() {
        List<Double> tried = new ArrayList<>();
        List<double[]> slopes = new ArrayList<>();
        for (double eps : GRID) {
            progress.accept("eps " + eps);
            Optional<double[]> found = rehearser.slopes(eps, DIRECTIONS);
            if (found.isPresent()) {
                tried.add(eps);
                slopes.add(found.get());
            }
        }
        List<EpsTrial> trials = new ArrayList<>();
        for (int i = 0; i < tried.size(); i++) {
            double below = i == 0 ? 0 : difference(slopes.get(i - 1), slopes.get(i));
            double above = i == tried.size() - 1 ? 0 : difference(slopes.get(i), slopes.get(i + 1));
            trials.add(
                    new EpsTrial(
                            tried.get(i), rootMeanSquare(slopes.get(i)), Math.max(below, above)));
        }
        return trials;
    }

    /**
     * The middle, in magnitude, of the stretch around the best within which the disagreement is
     * tolerable, or at most twice the best.
     */
    static EpsTrial choose(List<EpsTrial> trials) {
        // The ends have one neighbour only, and nothing to show for the other side.
        int from = trials.size() > 2 ? 1 : 0;
        int to = trials.size() > 2 ? trials.size() - 2 : trials.size() - 1;
        int best = from;
        for (int i = from; i <= to; i++) {
            best = trials.get(i).disagreement() <= trials.get(best).disagreement() ? i : best;
        }
        double limit = Math.max(TOLERABLE, 2 * trials.get(best).disagreement());
        int low = best;
        while (low > from && trials.get(low - 1).disagreement() <= limit) {
            low--;
        }
        int high = best;
        while (high < to && trials.get(high + 1).disagreement() <= limit) {
            high++;
        }
        return trials.get((low + high + 1) / 2);
    }

    private static double difference(double[] left, double[] right) {
        double difference = 0;
        double size = 0;
        for (int i = 0; i < left.length; i++) {
            difference += (left[i] - right[i]) * (left[i] - right[i]);
            size += (left[i] * left[i] + right[i] * right[i]) / 2;
        }
        return size == 0 ? 0 : Math.sqrt(difference / size);
    }

    private static double rootMeanSquare(double[] values) {
        double sum = 0;
        for (double value : values) {
            sum += value * value;
        }
        return Math.sqrt(sum / values.length);
    }
}
