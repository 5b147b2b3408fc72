package io.millrace.bench.learning;

import java.io.IOException;

/** Moves a learning rate by factors of three while whole runs end lower. */
public final class RateClimb {
    private static final double FACTOR = 3;

    private final Trial trial;
    private int left;

    /** A whole run. */
    @FunctionalInterface
    public interface Trial {
        /** Its held-out loss at the end; infinite where it came to none. */
        double at(double lr) throws IOException;
    }

    /** A climb by such runs. */
    public RateClimb(Trial trial) {
        this.trial = trial;
    }

    /**
     * The rate at which no neighbour that was tried ends lower. Lower rates are tried first: what a
     * short search proposes is too high rather than too low.
     *
     * @param lr where to begin
     * @param runs how many trials there may be
     */
    public double from(double lr, int runs) throws IOException {
        left = runs - 1;
        double loss = trial.at(lr);
        double lower = climb(lr, loss, 1 / FACTOR);
        return lower < lr ? lower : climb(lr, loss, FACTOR);
    }

    private double climb(double from, double loss, double factor) throws IOException {
        double best = from;
        double least = loss;
        while (left-- > 0) {
            double next = trial.at(best * factor);
            // Where neither comes to an end, the next may.
            boolean better = next < least || (factor < 1 && Double.isInfinite(least));
            if (!better) {
                break;
            }
            best *= factor;
            least = next;
        }
        return best;
    }
}
