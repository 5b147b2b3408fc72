package io.millrace.executor.search;

import io.millrace.optim.direction.DenseDirection;
import java.util.Arrays;

/**
 * Scores of elements from slopes: no weight is read for them, z is made again. A score depends on
 * its element alone, not on how a tensor is cut. One thread at a time.
 */
final class SlopeScores {
    /** Elements that are scored at a time. */
    static final int TILE = 1024;

    private final DenseDirection direction;
    private final long[] seeds;
    private final float[] squares; // by direction, where squares are what counts
    private final float[][] factors; // by batch and direction, where slopes are
    private final float[][] sums;
    private final float[] z = new float[TILE];

    private SlopeScores(
            DenseDirection direction, long[] seeds, float[] squares, float[][] factors) {
        this.direction = direction;
        this.seeds = seeds;
        this.squares = squares;
        this.factors = factors;
        sums = new float[factors.length][TILE];
    }

    /** Scores by what a config says. */
    static SlopeScores of(SensitiveConfig.By by, DenseDirection direction, BatchSlopes found) {
        int directions = found.seeds().length;
        int batches = found.shares().length;
        float[] squares = new float[directions];
        float[][] factors = new float[batches][directions];
        for (int k = 0; k < directions; k++) {
            double sum = 0;
            for (int batch = 0; batch < batches; batch++) {
                double slope = found.slopes()[batch][k];
                double share = found.shares()[batch];
                sum += share * slope * slope;
                factors[batch][k] = (float) (slope * Math.sqrt(share) / directions);
            }
            squares[k] = (float) (sum / directions);
        }
        return by == SensitiveConfig.By.SQUARES
                ? new SlopeScores(direction, found.seeds(), squares, new float[0][])
                : new SlopeScores(direction, found.seeds(), squares, factors);
    }

    /**
     * Scores consecutive elements of a tensor.
     *
     * @param tensorId its index among the sorted trainable names
     * @param firstElement the first element
     * @param scores receives them
     * @param offset first index
     * @param count how many, at most {@link #TILE}
     */
    void score(int tensorId, long firstElement, float[] scores, int offset, int count) {
        Arrays.fill(scores, offset, offset + count, 0f);
        for (float[] sum : sums) {
            Arrays.fill(sum, 0, count, 0f);
        }
        for (int k = 0; k < seeds.length; k++) {
            direction.fill(seeds[k], tensorId, firstElement, z, 0, count);
            if (factors.length == 0) {
                addSquares(squares[k], z, scores, offset, count);
            }
            for (int batch = 0; batch < factors.length; batch++) {
                add(factors[batch][k], z, sums[batch], count);
            }
        }
        for (float[] sum : sums) {
            addSquares(1f, sum, scores, offset, count);
        }
    }

    private static void add(float factor, float[] z, float[] sum, int count) {
        for (int i = 0; i < count; i++) {
            sum[i] = Math.fma(factor, z[i], sum[i]);
        }
    }

    private static void addSquares(
            float factor, float[] values, float[] scores, int offset, int count) {
        for (int i = 0; i < count; i++) {
            scores[offset + i] = Math.fma(factor * values[i], values[i], scores[offset + i]);
        }
    }
}
