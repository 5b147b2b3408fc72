package io.millrace.executor.cpu.gradient.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.cpu.gradient.op.CoreGradients.Core;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Gradients of cores against differences of their product, which is linear in each. */
class CoreGradientsTest {
    @Test
    void areSlopesOfTheProduct() {
        check(List.of(new int[] {1, 5, 3}, new int[] {3, 2, 3}, new int[] {3, 4, 3}));
        check(List.of(new int[] {3, 4, 3}, new int[] {3, 3, 1}));
        check(List.of(new int[] {2, 7, 1}));
    }

    private static void check(List<int[]> shapes) {
        SplittableRandom random = new SplittableRandom(17);
        List<Core> cores = new ArrayList<>();
        int rows = shapes.getFirst()[0];
        for (int[] shape : shapes) {
            double[] values =
                    random.doubles((long) shape[0] * shape[1] * shape[2], -1, 1).toArray();
            cores.add(new Core(shape[0], shape[1], shape[2], values));
            rows *= shape[1];
        }
        double[] factor = random.doubles((long) rows * shapes.getLast()[2], -1, 1).toArray();

        List<double[]> gradients = CoreGradients.of(cores, factor);

        assertThat(gradients).hasSameSizeAs(cores);
        for (int core = 0; core < cores.size(); core++) {
            double[] values = cores.get(core).values();
            assertThat(gradients.get(core)).hasSameSizeAs(values);
            for (int i = 0; i < values.length; i++) {
                double old = values[i];
                values[i] = old + 1;
                double more = sum(cores, factor);
                values[i] = old;
                assertThat(gradients.get(core)[i])
                        .as("element %d of core %d", i, core)
                        .isCloseTo(more - sum(cores, factor), within(1e-10));
            }
        }
    }

    /** Σ of the product, an element at a time, times the factor's gradient. */
    private static double sum(List<Core> cores, double[] factor) {
        int behind = cores.getLast().behind();
        double sum = 0;
        for (int at = 0; at < factor.length; at++) {
            int[] middle = new int[cores.size()];
            int left = at / behind;
            for (int core = cores.size() - 1; core >= 0; core--) {
                middle[core] = left % cores.get(core).extent();
                left /= cores.get(core).extent();
            }
            double[] row = new double[cores.getFirst().before()];
            row[left] = 1;
            for (int core = 0; core < cores.size(); core++) {
                row = times(row, cores.get(core), middle[core]);
            }
            sum += row[at % behind] * factor[at];
        }
        return sum;
    }

    private static double[] times(double[] row, Core core, int middle) {
        double[] out = new double[core.behind()];
        for (int s = 0; s < row.length; s++) {
            for (int r = 0; r < out.length; r++) {
                out[r] += row[s] * core.values()[(s * core.extent() + middle) * core.behind() + r];
            }
        }
        return out;
    }
}
