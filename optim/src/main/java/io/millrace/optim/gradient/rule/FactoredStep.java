package io.millrace.optim.gradient.rule;

import io.millrace.memory.DType;
import io.millrace.optim.gradient.TensorState;
import io.millrace.optim.gradient.TensorStep;
import io.millrace.optim.gradient.TensorTurn;
import io.millrace.optim.gradient.Tile;
import java.util.List;

/**
 * A step on a matrix whose second moment is kept as its means by row and by column. Tiles are whole
 * rows. The first pass sums squares, the second finds the size of {@code u = g √(mean(r) / (r c))},
 * the third moves.
 */
final class FactoredStep implements TensorStep {
    /** What is kept: rows and columns of matrices, every element of vectors. */
    static final List<TensorState> KEPT =
            List.of(
                    new TensorState(
                            "r", DType.F32, shape -> shape.size() < 2 ? 0 : shape.getFirst()),
                    new TensorState(
                            "c",
                            DType.F32,
                            shape ->
                                    shape.size() < 2
                                            ? 0
                                            : elements(shape.subList(1, shape.size()))),
                    new TensorState(
                            "v", DType.F32, shape -> shape.size() < 2 ? elements(shape) : 0));

    static final double TINY = 1e-30; // ε₁, added to every square
    private static final double FALL = -0.8;
    private static final int ROW = 0;
    private static final int COLUMN = 1;

    private final ClippedRate rate;
    private final double keep;
    private final int columns;
    // Of each row; a tile writes those of its own rows alone.
    private final double[] rowSums;
    private final float[] rowFactors;
    private final float[] columnFactors;

    FactoredStep(TensorTurn turn, ClippedRate rate) {
        this.rate = rate;
        keep = keep(turn);
        columns = Math.toIntExact(turn.columns());
        rowSums = new double[Math.toIntExact(turn.rows())];
        rowFactors = new float[rowSums.length];
        columnFactors = new float[columns];
    }

    private static long elements(List<Long> shape) {
        return TensorState.ELEMENTS.of(shape);
    }

    /** Share of the second moment that a step keeps: none at the first turn. */
    static double keep(TensorTurn turn) {
        return 1 - StrictMath.pow((double) turn.turn(), FALL);
    }

    @Override
    public int passes() {
        return 3;
    }

    @Override
    public int sums(int pass) {
        return switch (pass) {
            case 0 -> columns;
            case 1 -> rate.sums();
            default -> 0;
        };
    }

    @Override
    public void tile(int pass, Tile tile, double[] sums) {
        int first = Math.toIntExact(tile.first() / columns);
        int rows = tile.count() / columns;
        float[] moved = new float[columns];
        float[] weights = new float[columns];
        for (int i = 0; i < rows; i++) {
            int at = i * columns;
            float factor = rowFactors[first + i];
            switch (pass) {
                case 0 -> {
                    rowSums[first + i] = SquareSums.of(tile.gradient(), at, columns);
                    SquareSums.add(tile.gradient(), at, sums, columns);
                }
                case 1 -> {
                    scale(tile.gradient(), at, factor, moved);
                    sums[0] += SquareSums.of(moved, 0, columns);
                }
                default -> {
                    scale(tile.gradient(), at, factor, moved);
                    System.arraycopy(tile.parameters(), at, weights, 0, columns);
                    move(weights, moved);
                    System.arraycopy(weights, 0, tile.parameters(), at, columns);
                }
            }
        }
        if (pass == 1) {
            rate.add(tile, sums);
        }
    }

    /** Makes u of a row. In loops over several arrays of floats, C2 wants one index for all. */
    private void scale(float[] gradient, int at, float factor, float[] moved) {
        float[] factors = columnFactors;
        System.arraycopy(gradient, at, moved, 0, columns);
        for (int j = 0; j < moved.length; j++) {
            moved[j] *= factor * factors[j];
        }
    }

    private void move(float[] weights, float[] moved) {
        float lr = rate.rate();
        float decay = rate.share();
        for (int j = 0; j < moved.length; j++) {
            float p = weights[j];
            weights[j] = p + (decay * p - lr * moved[j]);
        }
    }

    @Override
    public void passed(int pass, double[] sums, float[][] states) {
        if (pass == 0) {
            double mean = 0;
            renew(states[ROW], rowSums, columns);
            for (float value : states[ROW]) {
                mean += value / (double) rowSums.length;
            }
            renew(states[COLUMN], sums, rowSums.length);
            roots(states[ROW], mean, rowFactors);
            roots(states[COLUMN], 1, columnFactors);
        } else if (pass == 1) {
            rate.hear(sums);
        }
    }

    /** Takes the means of squares into a state. */
    private void renew(float[] state, double[] sums, int count) {
        for (int i = 0; i < state.length; i++) {
            double mean = sums[i] / count + TINY;
            state[i] = (float) (keep * state[i] + (1 - keep) * mean);
        }
    }

    private static void roots(float[] state, double over, float[] factors) {
        for (int i = 0; i < state.length; i++) {
            factors[i] = (float) Math.sqrt(over / state[i]);
        }
    }
}
