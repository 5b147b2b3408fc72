package io.millrace.optim.direction;

import java.util.Arrays;

/** Small dense algebra in double and in a fixed order. */
public final class Orthonormal {
    private static final int SWEEPS = 30;

    /** Share of a column: some tens of times what sums of ten thousand products are off by. */
    private static final double NOISE = 1e-12;

    private Orthonormal() {}

    /**
     * Makes columns orthonormal, in order, twice over. A column of nothing stays nothing, and so
     * becomes one of which those before it leave no more than rounding: that has no direction of
     * its own, and as long as 1 it might lie along theirs.
     */
    static void columns(double[] a, int rows, int width) {
        for (int j = 0; j < width; j++) {
            double whole = length(a, rows, width, j);
            for (int again = 0; again < 2; again++) {
                for (int i = 0; i < j; i++) {
                    double sum = 0;
                    for (int row = 0; row < rows; row++) {
                        sum += a[row * width + i] * a[row * width + j];
                    }
                    for (int row = 0; row < rows; row++) {
                        a[row * width + j] -= sum * a[row * width + i];
                    }
                }
            }
            double length = length(a, rows, width, j);
            boolean isRounding = length <= NOISE * whole;
            for (int row = 0; row < rows; row++) {
                double value = a[row * width + j];
                a[row * width + j] = isRounding ? 0 : value / length;
            }
        }
    }

    private static double length(double[] a, int rows, int width, int column) {
        double squares = 0;
        for (int row = 0; row < rows; row++) {
            squares += a[row * width + column] * a[row * width + column];
        }
        return Math.sqrt(squares);
    }

    /** The eigenvectors of YᵀY as columns, those of the largest values first. */
    static double[] turn(double[] y, int rows, int width) {
        double[] gram = new double[width * width];
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < width; i++) {
                double value = y[row * width + i];
                for (int j = 0; j < width; j++) {
                    gram[i * width + j] += value * y[row * width + j];
                }
            }
        }
        return eigenvectors(gram, width);
    }

    /**
     * The eigenvectors of a symmetric matrix as columns, those of the largest values first, by
     * Jacobi's rotations.
     *
     * @param gram [width, width]; its numbers are lost
     */
    public static double[] eigenvectors(double[] gram, int width) {
        double[] vectors = new double[width * width];
        for (int i = 0; i < width; i++) {
            vectors[i * width + i] = 1;
        }
        for (int sweep = 0; sweep < SWEEPS; sweep++) {
            for (int p = 0; p < width; p++) {
                for (int q = p + 1; q < width; q++) {
                    rotate(gram, vectors, width, p, q);
                }
            }
        }
        Integer[] order = new Integer[width];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, (i, j) -> Double.compare(gram[j * width + j], gram[i * width + i]));
        double[] sorted = new double[width * width];
        for (int j = 0; j < width; j++) {
            for (int i = 0; i < width; i++) {
                sorted[i * width + j] = vectors[i * width + order[j]];
            }
        }
        return sorted;
    }

    private static void rotate(double[] a, double[] vectors, int width, int p, int q) {
        double off = a[p * width + q];
        if (off == 0) {
            return;
        }
        double theta = (a[q * width + q] - a[p * width + p]) / (2 * off);
        double t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        double c = 1 / Math.sqrt(t * t + 1);
        double s = t * c;
        for (int i = 0; i < width; i++) {
            turn(a, i * width + p, i * width + q, c, s);
        }
        for (int i = 0; i < width; i++) {
            turn(a, p * width + i, q * width + i, c, s);
        }
        for (int i = 0; i < width; i++) {
            turn(vectors, i * width + p, i * width + q, c, s);
        }
    }

    private static void turn(double[] a, int first, int second, double c, double s) {
        double x = a[first];
        double y = a[second];
        a[first] = c * x - s * y;
        a[second] = s * x + c * y;
    }
}
