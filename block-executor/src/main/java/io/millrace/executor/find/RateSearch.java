package io.millrace.executor.find;

import io.millrace.executor.RunSummary;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Brackets the largest learning rate that is stable: up or down by factors of ten from where it
 * starts, then the steps of about three between. Every rate begins at the base weights and takes
 * the same steps along the same directions, so that what differs is the rate.
 */
final class RateSearch {
    private static final double FACTOR = 10;
    private static final double HALF_FACTOR = Math.sqrt(FACTOR);
    private static final double LEAST = 1e-12;
    private static final double MOST = 1e3;

    /** How much the held-out loss may rise by chance: directions are random, and batches differ. */
    private static final double RISE = 0.01;

    private final Rehearser rehearser;
    private final Consumer<String> progress;
    private final double eps;
    private final int steps;
    private final List<RateTrial> trials = new ArrayList<>();

    RateSearch(Rehearser rehearser, Consumer<String> progress, double eps, int steps) {
        this.rehearser = rehearser;
        this.progress = progress;
        this.eps = eps;
        this.steps = steps;
    }

    /** Every rate tried, in order. */
    List<RateTrial> trials(double start) {
        RateTrial first = tried(start);
        double lr = start;
        if (first.stable()) {
            while (lr * FACTOR <= MOST && tried(lr * FACTOR).stable()) {
                lr *= FACTOR;
            }
        } else {
            do {
                lr /= FACTOR;
            } while (lr / FACTOR >= LEAST && !tried(lr).stable());
        }
        tried(lr * HALF_FACTOR);
        tried(lr / HALF_FACTOR);
        trials.sort(Comparator.comparingDouble(RateTrial::lr));
        return trials;
    }

    private RateTrial tried(double rate) {
        double lr = rounded(rate);
        progress.accept("lr " + lr);
        Optional<RunSummary> summary = rehearser.losses(eps, lr, steps);
        double before = summary.map(ran -> ran.before().loss()).orElse(Double.NaN);
        double after = summary.map(ran -> ran.after().loss()).orElse(Double.NaN);
        RateTrial trial = new RateTrial(lr, before, after, after <= before * (1 + RISE));
        trials.add(trial);
        return trial;
    }

    /** Two digits, as a person would type it. */
    static double rounded(double rate) {
        return Double.parseDouble(String.format(Locale.ROOT, "%.1e", rate));
    }
}
