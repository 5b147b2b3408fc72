package io.millrace.optim.gradient.rule;

import io.millrace.optim.gradient.TensorTurn;
import io.millrace.optim.gradient.Tile;

/**
 * What u and θ are multiplied by at the end of a step of {@link Adafactor} or {@link AdaLomo}, once
 * the root mean squares of both are known.
 */
final class ClippedRate {
    private static final double LARGEST = 1; // root mean square of u
    private static final double LEAST = 1e-3; // root mean square of θ that a rate is relative to

    private final TensorTurn turn;
    private final boolean relative;
    private float rate;
    private float share;

    private ClippedRate(TensorTurn turn, boolean relative) {
        this.turn = turn;
        this.relative = relative;
    }

    /** The rate is the turn's. */
    static ClippedRate absolute(TensorTurn turn) {
        return new ClippedRate(turn, false);
    }

    /** The rate is the turn's times the size of θ. */
    static ClippedRate relative(TensorTurn turn) {
        return new ClippedRate(turn, true);
    }

    /** How many sums it needs: of u², and of θ² where the rate is relative. */
    int sums() {
        return relative ? 2 : 1;
    }

    /** Adds a tile's θ² where the rate is relative. */
    void add(Tile tile, double[] sums) {
        if (relative) {
            sums[1] += SquareSums.of(tile.parameters(), 0, tile.count());
        }
    }

    /** Hears the sums over all tiles. */
    void hear(double[] sums) {
        double elements = (double) Math.multiplyExact(turn.rows(), turn.columns());
        double lr = turn.lr();
        if (relative) {
            lr *= Math.max(LEAST, Math.sqrt(sums[1] / elements));
        }
        rate = (float) (lr / Math.max(1, Math.sqrt(sums[0] / elements) / LARGEST));
        share = (float) (0 - lr * turn.weightDecay()); // and not -0
    }

    /** Factor on u that is taken away. */
    float rate() {
        return rate;
    }

    /** Share of θ that is added, at most 0. */
    float share() {
        return share;
    }
}
