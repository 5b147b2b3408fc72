package io.millrace.executor.cpu.gradient.op;

import java.util.ArrayList;
import java.util.List;

/**
 * The way back through the contraction of a tensor train's cores to one factor (arXiv 1509.06569,
 * section 5): {@code P_m[(a, i), r] = Σ_s P_{m−1}[a, s] G_m[s, i, r]}, so that {@code dG_m[s, i, r]
 * = Σ_a P_{m−1}[a, s] dP_m[(a, i), r]} and {@code dP_{m−1}[a, s] = Σ_{i, r} dP_m[(a, i), r] G_m[s,
 * i, r]}. A factor has few columns, and plain loops in double do.
 */
public final class CoreGradients {
    private CoreGradients() {}

    /**
     * A core, row-major.
     *
     * @param before rank before
     * @param extent the middle
     * @param behind rank behind
     * @param values [before, extent, behind]
     */
    public record Core(int before, int extent, int behind, double[] values) {}

    /**
     * The gradients of cores.
     *
     * @param cores that follow each other
     * @param factor gradient of their product [before of the first · extents, behind of the last]
     * @return of each core, in its shape
     */
    public static List<double[]> of(List<Core> cores, double[] factor) {
        List<double[]> products = new ArrayList<>(); // up to each core but the last
        products.add(cores.getFirst().values);
        for (Core core : cores.subList(1, Math.max(1, cores.size() - 1))) {
            products.add(product(products.getLast(), core));
        }
        List<double[]> gradients = new ArrayList<>();
        double[] gradient = factor;
        for (int index = cores.size() - 1; index > 0; index--) {
            Core core = cores.get(index);
            double[] before = products.get(index - 1);
            gradients.addFirst(ofCore(before, core, gradient));
            gradient = ofProduct(before.length, core, gradient);
        }
        gradients.addFirst(gradient);
        return gradients;
    }

    private static double[] product(double[] left, Core core) {
        int rows = left.length / core.before;
        int columns = core.extent * core.behind;
        double[] out = new double[rows * columns];
        for (int row = 0; row < rows; row++) {
            for (int s = 0; s < core.before; s++) {
                double factor = left[row * core.before + s];
                for (int c = 0; c < columns; c++) {
                    out[row * columns + c] += factor * core.values[s * columns + c];
                }
            }
        }
        return out;
    }

    private static double[] ofCore(double[] left, Core core, double[] gradient) {
        int rows = left.length / core.before;
        int columns = core.extent * core.behind;
        double[] out = new double[core.values.length];
        for (int row = 0; row < rows; row++) {
            for (int s = 0; s < core.before; s++) {
                double factor = left[row * core.before + s];
                for (int c = 0; c < columns; c++) {
                    out[s * columns + c] += factor * gradient[row * columns + c];
                }
            }
        }
        return out;
    }

    private static double[] ofProduct(int length, Core core, double[] gradient) {
        int columns = core.extent * core.behind;
        double[] out = new double[length];
        for (int at = 0; at < length; at++) {
            int row = at / core.before;
            int s = at % core.before;
            double sum = 0;
            for (int c = 0; c < columns; c++) {
                sum += gradient[row * columns + c] * core.values[s * columns + c];
            }
            out[at] = sum;
        }
        return out;
    }
}
