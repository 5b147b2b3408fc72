package io.millrace.model.adapter;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Singular values and vectors of a small square matrix by one-sided Jacobi rotations, in double:
 * {@code C W = P Σ}, of falling values.
 *
 * @param scaledLeft columns of P Σ
 * @param right columns of W
 * @param values the singular values
 */
record JacobiSvd(double[][] scaledLeft, double[][] right, double[] values) {
    private static final int MOST_SWEEPS = 60;
    private static final double ORTHOGONAL = 1e-15;
    // Of the square of the whole: columns of rounding alone are never orthogonal to any other.
    private static final double NOTHING = 0x1p-52;

    /** Decomposes a matrix of columns, which is gone then. */
    static JacobiSvd of(double[][] columns) {
        int size = columns.length;
        double[][] right = new double[size][size];
        for (int i = 0; i < size; i++) {
            right[i][i] = 1;
        }
        double whole = 0;
        for (double[] column : columns) {
            whole += Columns.dot(column, column, size);
        }
        int sweep = 0;
        while (sweep(columns, right, whole * NOTHING)) {
            sweep++;
            if (sweep == MOST_SWEEPS) {
                throw new ArithmeticException("no singular values after " + sweep + " sweeps");
            }
        }
        double[] values =
                Arrays.stream(columns)
                        .mapToDouble(column -> Math.sqrt(Columns.dot(column, column, size)))
                        .toArray();
        int[] order =
                IntStream.range(0, size)
                        .boxed()
                        .sorted(Comparator.comparingDouble((Integer i) -> -values[i]))
                        .mapToInt(Integer::intValue)
                        .toArray();
        return new JacobiSvd(
                Arrays.stream(order).mapToObj(i -> columns[i]).toArray(double[][]::new),
                Arrays.stream(order).mapToObj(i -> right[i]).toArray(double[][]::new),
                Arrays.stream(order).mapToDouble(i -> values[i]).toArray());
    }

    /** Makes each two columns orthogonal once; whether any two were not. */
    private static boolean sweep(double[][] columns, double[][] right, double nothing) {
        boolean turned = false;
        int size = columns.length;
        double angle = ORTHOGONAL * Math.sqrt(size);
        for (int p = 0; p < size - 1; p++) {
            for (int q = p + 1; q < size; q++) {
                double pp = Columns.dot(columns[p], columns[p], size);
                double qq = Columns.dot(columns[q], columns[q], size);
                double pq = Columns.dot(columns[p], columns[q], size);
                if (Math.abs(pq) <= Math.max(nothing, angle * Math.sqrt(pp * qq))) {
                    continue;
                }
                turned = true;
                double zeta = (qq - pp) / (2 * pq);
                double tan = Math.copySign(1 / (Math.abs(zeta) + Math.hypot(1, zeta)), zeta);
                double cos = 1 / Math.sqrt(1 + tan * tan);
                Columns.rotate(columns[p], columns[q], cos, cos * tan);
                Columns.rotate(right[p], right[q], cos, cos * tan);
            }
        }
        return turned;
    }
}
