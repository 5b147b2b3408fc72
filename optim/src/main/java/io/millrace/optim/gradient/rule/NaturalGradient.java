package io.millrace.optim.gradient.rule;

import io.millrace.optim.gradient.WholeTensor;
import java.util.Arrays;

/**
 * What {@link NaturalGaLore} makes of a projected gradient g before Adam takes it: {@code (λ I + H
 * Hᵀ)⁻¹ g}, where the columns of H are the last s projected gradients and g is the newest of them.
 * Since {@code g = H e}, that is {@code H (λ I + Hᵀ H)⁻¹ e}, so that nothing cancels and a system
 * of s unknowns is all there is to solve. Products are in double, in ranges that are added up in
 * order.
 *
 * @param state of the rule that has the gradients, one behind another: that of turn t at place (t −
 *     1) mod s
 * @param size s
 * @param damping λ
 */
record NaturalGradient(int state, int size, double damping) {
    /**
     * Keeps a projected gradient, and puts in its place what is made of it.
     *
     * @param turn of the tensor, from 1
     */
    void transform(WholeTensor tensor, Matrix gradient, long turn) {
        long length = gradient.count();
        int newest = (int) ((turn - 1) % size);
        int held = (int) Math.min(turn, size);
        tensor.ranges(
                length,
                1,
                (first, count, arrays) -> {
                    gradient.load(first, arrays[0], 0, count);
                    tensor.store(state, newest * length + first, arrays[0], count);
                    if (turn == 1) {
                        Arrays.fill(arrays[0], 0);
                        for (int other = 1; other < size; other++) {
                            tensor.store(state, other * length + first, arrays[0], count);
                        }
                    }
                });
        double[] shares = shares(gram(tensor, length, held), held, newest);
        tensor.ranges(
                length,
                2,
                (first, count, arrays) -> {
                    double[] sum = new double[count];
                    for (int one = 0; one < held; one++) {
                        tensor.load(state, one * length + first, arrays[0], count);
                        for (int i = 0; i < count; i++) {
                            sum[i] += shares[one] * arrays[0][i];
                        }
                    }
                    for (int i = 0; i < count; i++) {
                        arrays[1][i] = (float) sum[i];
                    }
                    gradient.store(first, arrays[1], 0, count);
                });
    }

    private double[] gram(WholeTensor tensor, long length, int held) {
        double[][] sums = new double[Math.toIntExact(Math.ceilDiv(length, WholeTensor.RANGE))][];
        tensor.ranges(
                length,
                held,
                (first, count, arrays) -> {
                    for (int one = 0; one < held; one++) {
                        tensor.load(state, one * length + first, arrays[one], count);
                    }
                    sums[(int) (first / WholeTensor.RANGE)] = products(arrays, held, count);
                });
        double[] gram = new double[held * held];
        for (double[] part : sums) {
            for (int i = 0; i < gram.length; i++) {
                gram[i] += part[i];
            }
        }
        return gram;
    }

    private static double[] products(float[][] vectors, int held, int count) {
        double[] products = new double[held * held];
        for (int one = 0; one < held; one++) {
            for (int other = 0; other <= one; other++) {
                double product = SquareSums.product(vectors[one], vectors[other], count);
                products[one * held + other] = product;
                products[other * held + one] = product;
            }
        }
        return products;
    }

    /** Solves {@code (λ I + gram) x = e} by Cholesky's factors; no pivot of such is below λ. */
    private double[] shares(double[] gram, int held, int newest) {
        double[] factor = new double[held * held];
        double[] x = new double[held];
        for (int i = 0; i < held; i++) {
            x[i] = i == newest ? 1 : 0;
            for (int j = 0; j <= i; j++) {
                double sum = gram[i * held + j] + (i == j ? damping : 0);
                for (int k = 0; k < j; k++) {
                    sum -= factor[i * held + k] * factor[j * held + k];
                }
                factor[i * held + j] =
                        i == j ? Math.sqrt(Math.max(sum, damping)) : sum / factor[j * held + j];
            }
            for (int k = 0; k < i; k++) {
                x[i] -= factor[i * held + k] * x[k];
            }
            x[i] /= factor[i * held + i];
        }
        for (int i = held - 1; i >= 0; i--) {
            for (int k = i + 1; k < held; k++) {
                x[i] -= factor[k * held + i] * x[k];
            }
            x[i] /= factor[i * held + i];
        }
        return x;
    }
}
