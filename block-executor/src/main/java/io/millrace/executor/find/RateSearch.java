package io.millrace.executor.find;

import io.millrace.executor.run.RunSummary;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Brackets the largest learning rate that is stable: up or down by factors of ten from where it
 * starts, then the steps of about three between. Every rate begins at the base weights and takes
 * the same two random paths, so that what differs is the rate.
 */
final class RateSearch {
    private static final double FACTOR = 10;
    private static final double HALF_FACTOR = Math.sqrt(FACTOR);
    private static final int PATHS = 2;
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
        double before = Double.NaN;
        double worst = 0;
        double after = 0;
        for (int path = 0; path < PATHS && !Double.isNaN(after); path++) {
            Optional<RunSummary> summary = rehearser.losses(eps, lr, steps, path);
            before = summary.isEmpty() ? before : summary.get().before().loss();
            // The worse of the paths: one lucky path says little of the next.
            after = summary.map(ran -> ran.after().loss()).orElse(Double.NaN);
            worst = path == 0 ? after : Math.max(worst, after);
        }
        RateTrial trial = new RateTrial(lr, before, worst, worst <= before * (1 + RISE));
        trials.add(trial);
        return trial;
    }

    /** Two digits, as a person would type it. */
    static double rounded(double rate) {
        return Double.parseDouble(String.format(Locale.ROOT, "%.1e", rate));
    }
}
