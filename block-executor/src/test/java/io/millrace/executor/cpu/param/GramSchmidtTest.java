package io.millrace.executor.cpu.param;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.step.LowRankSize;
import io.millrace.optim.direction.SubspaceDirection;
import io.millrace.optim.random.GaussianScalar;
import io.millrace.optim.random.SplitMix64;
import io.millrace.optim.random.StreamIds;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Orthonormal columns, bit for bit as docs/arithmetic.md has them. */
class GramSchmidtTest {
    private static final int TENSOR = 3;
    private static final int WINDOW = 10;

    @ParameterizedTest
    @CsvSource({"40, 1", "700, 7", "700, 8", "33, 24", "61, 61"})
    void makesWhatTheScalarsSayInAnyOrderOfGroups(int rows, int rank) {
        SubspaceDirection direction = new SubspaceDirection(11, rank, WINDOW);
        int stride = GramSchmidt.stride(rank);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment q = arena.allocate((long) rows * stride * Double.BYTES);
            MemorySegment gathered = arena.allocate((long) rank * rank * Float.BYTES);
            FactorTrack track =
                    FactorTrack.ofMatrix(
                            direction, 1, TENSOR, rows, rows, gathered, Optional.empty());
            FactorKernels kernels = new FactorKernels(rank);
            kernels.widen(track, WINDOW + 4, true, rows / 2, rows, q);
            kernels.widen(track, WINDOW + 4, true, 0, rows / 2, q);
            for (int column = 0; column < rank; column++) {
                GramSchmidt.normalize(q, rows, stride, column);
                for (int group = stride / LowRankSize.ORTHONORMAL_COLUMNS; group-- > 0; ) {
                    GramSchmidt.subtract(q, rows, stride, column, group);
                }
            }
            MemorySegment flat = arena.allocate((long) rows * rank * Float.BYTES);
            MemorySegment turned = arena.allocate((long) rows * rank * Float.BYTES);
            kernels.narrow(rank, q, 0, rows, flat, 0);
            kernels.narrow(rank, q, 0, rows, turned, rows);

            double[][] expected = expected(rows, rank);
            for (int row = 0; row < rows; row++) {
                for (int column = 0; column < rank; column++) {
                    float value = (float) expected[column][row];
                    assertThat(at(flat, row * rank + column)).isEqualTo(value);
                    assertThat(at(turned, column * rows + row)).isEqualTo(value);
                }
            }
            for (int i = 0; i < rank; i++) {
                for (int j = 0; j <= i; j++) {
                    double dot = 0;
                    for (int row = 0; row < rows; row++) {
                        dot += (double) at(flat, row * rank + i) * at(flat, row * rank + j);
                    }
                    assertThat(dot).isCloseTo(i == j ? 1 : 0, within(1e-6));
                }
            }
        }
    }

    private static float at(MemorySegment floats, long index) {
        return floats.getAtIndex(ValueLayout.JAVA_FLOAT, index);
    }

    /** A column after another, each taking out of itself what lies along those before. */
    private static double[][] expected(int rows, int rank) {
        long seed = SplitMix64.output(11, WINDOW + 1);
        double[][] done = new double[rank][rows];
        for (int column = 0; column < rank; column++) {
            double[] v = done[column];
            for (int row = 0; row < rows; row++) {
                long element = (long) row * rank + column;
                v[row] = GaussianScalar.value(StreamIds.SUBSPACE_U, seed, TENSOR, element);
            }
            for (int before = 0; before < column; before++) {
                double dot = 0;
                for (int row = 0; row < rows; row++) {
                    dot += done[before][row] * v[row];
                }
                for (int row = 0; row < rows; row++) {
                    v[row] -= dot * done[before][row];
                }
            }
            double squares = 0;
            for (double value : v) {
                squares += value * value;
            }
            double length = Math.sqrt(squares);
            for (int row = 0; row < rows; row++) {
                v[row] /= length;
            }
        }
        return done;
    }
}
