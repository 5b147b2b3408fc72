package io.millrace.executor.search;

import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.Variants;
import io.millrace.model.spec.LinearSpec;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Adds up the squares of what matrices are multiplied with, input by input, in double. */
final class InputSquares implements HeadSink {
    private static final int ROWS_AT_ONCE = 128;

    private final Map<String, double[]> sums = new HashMap<>();
    private float[] rows = new float[0];

    @Override
    public void entering(List<LinearSpec> matrices, Variants x, int count) {
        int inputs = matrices.getFirst().inputs();
        double[] own = sums.computeIfAbsent(matrices.getFirst().weight(), _ -> new double[inputs]);
        matrices.forEach(matrix -> sums.put(matrix.weight(), own));
        if (rows.length < ROWS_AT_ONCE * inputs) {
            rows = new float[ROWS_AT_ONCE * inputs];
        }
        for (int from = 0; from < count; from += ROWS_AT_ONCE) {
            int part = Math.min(ROWS_AT_ONCE, count - from);
            x.copyRows(from, part, inputs, rows);
            for (int row = 0; row < part; row++) {
                for (int input = 0; input < inputs; input++) {
                    double value = rows[row * inputs + input];
                    own[input] += value * value;
                }
            }
        }
    }

    /** The lengths of a matrix's inputs; empty where nothing came to it. */
    Optional<double[]> lengths(String weight) {
        return Optional.ofNullable(sums.get(weight)).map(InputSquares::roots);
    }

    private static double[] roots(double[] squares) {
        double[] roots = new double[squares.length];
        for (int i = 0; i < roots.length; i++) {
            roots[i] = Math.sqrt(squares[i]);
        }
        return roots;
    }

    @Override
    public boolean wantsLogits() {
        return false;
    }

    @Override
    public Variants logits(int query, int microBatch) {
        throw new IllegalStateException("nobody wants logits");
    }

    @Override
    public void losses(int query, int scale, int microBatch, double[] losses, int count) {
        // What matrices are multiplied with is all that counts.
    }
}
