package io.millrace.model.quantize;

import java.util.Arrays;

/**
 * What the inputs of a matrix say of errors in it. Of H = Σ x xᵀ over tokens, the blocks along the
 * diagonal are kept, each of a window of inputs; of each block's inverse the factor U, upper
 * triangular with H⁻¹ = Uᵀ U. An error e at input i is made up for best by − e · U_ij / U_ii at
 * each later j (Frantar and others, 2023, eq. 3 and algorithm 1).
 */
public final class Feedback {
    private final int inputs;
    private final int window;
    private final float[][] factors; // of each window [width, width], row-major
    private final float[] weights;

    private Feedback(int inputs, int window, float[][] factors, float[] weights) {
        this.inputs = inputs;
        this.window = window;
        this.factors = factors;
        this.weights = weights;
    }

    /**
     * Inverts what was gathered.
     *
     * @param moments Σ x xᵀ
     * @param damping added to the diagonal, as a share of its mean, so that what was hardly seen
     *     does not decide
     */
    public static Feedback of(InputMoments moments, double damping) {
        int inputs = moments.inputs();
        float[] weights = new float[inputs];
        float[][] factors = new float[moments.windows()][];
        for (int at = 0; at < factors.length; at++) {
            double[][] block = moments.block(at);
            double mean = 0;
            for (int i = 0; i < block.length; i++) {
                weights[at * moments.window() + i] = (float) block[i][i];
                mean += block[i][i] / block.length;
            }
            for (int i = 0; i < block.length; i++) {
                // An input that was always 0 costs nothing: its own weight keeps it in place.
                block[i][i] += mean > 0 ? damping * mean : 1;
            }
            factors[at] = inverseFactor(block);
        }
        return new Feedback(inputs, moments.window(), factors, weights);
    }

    /**
     * U of H⁻¹ = Uᵀ U. With H = R Rᵀ, R upper triangular, that is R⁻¹.
     *
     * @param h symmetric and positive definite; used up
     */
    static float[] inverseFactor(double[][] h) {
        int n = h.length;
        // R is found from its last column back; it takes the place of h, its rows reversed.
        double[][] l = new double[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j <= i; j++) {
                double sum = h[n - 1 - i][n - 1 - j] - dot(l[i], l[j], j);
                l[i][j] = i == j ? Math.sqrt(Math.max(sum, Double.MIN_NORMAL)) : sum / l[j][j];
            }
        }
        // The inverse of l, by rows: row i is (e_i − Σ l_ij · row j) / l_ii.
        float[] factor = new float[n * n];
        for (int i = 0; i < n; i++) {
            double[] row = h[i];
            Arrays.fill(row, 0);
            row[i] = 1;
            for (int j = 0; j < i; j++) {
                double share = l[i][j];
                double[] other = h[j];
                for (int k = 0; k <= j; k++) {
                    row[k] -= share * other[k];
                }
            }
            for (int k = 0; k <= i; k++) {
                row[k] /= l[i][i];
                factor[(n - 1 - i) * n + n - 1 - k] = (float) row[k];
            }
        }
        return factor;
    }

    private static double dot(double[] left, double[] right, int count) {
        double even = 0;
        double odd = 0;
        int k = 0;
        for (; k + 1 < count; k += 2) {
            even += left[k] * right[k];
            odd += left[k + 1] * right[k + 1];
        }
        return k < count ? even + odd + left[k] * right[k] : even + odd;
    }

    /** Inputs that make up for one another. */
    int window() {
        return window;
    }

    /** What an input counts: the sum of its squares. */
    double weight(int column) {
        return weights[column];
    }

    /**
     * Makes up for an error at later inputs.
     *
     * @param values of a row, which begins at {@code at}
     * @param column where the error is
     * @param end of the window's columns
     * @param error what was there, less what is
     */
    void spread(float[] values, int at, int column, int end, float error) {
        int own = column / window;
        int width = Math.min(window, inputs - own * window);
        float[] factor = factors[own];
        int row = (column - own * window) * width;
        int diagonal = row + column - own * window;
        float share = error / factor[diagonal];
        int from = at + column + 1;
        int count = end - column - 1;
        for (int i = 0; i < count; i++) {
            values[from + i] -= share * factor[diagonal + 1 + i];
        }
    }
}
