package io.millrace.executor.cpu.param;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.optim.direction.ProjectedDirection;
import io.millrace.optim.random.GaussianScalar;
import io.millrace.optim.random.StreamIds;
import io.millrace.optim.update.Update;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Newton–Schulz, bit for bit as docs/arithmetic.md has it, and against what is known of it. */
class NewtonSchulzTest {
    private static final int TENSOR = 5;

    private final long seed = Long.getLong("test.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @ParameterizedTest
    @CsvSource({"1, 7, 5", "3, 3, 5", "8, 40, 1", "13, 5000, 2", "17, 64, 5"})
    void isThePagesArithmetic(int rank, int columns, int iterations) {
        Update.Orthogonal rule = rule(2, iterations);
        float[] x = normalized(rule, rank, columns);
        for (int iteration = 0; iteration < iterations; iteration++) {
            x = iterate(x, rank, columns);
        }
        assertThat(run(rule, rank, columns)).as("seed %d", seed).isEqualTo(x);
    }

    /** A row alone is divided by its length, and then only its length changes. */
    @Test
    void ofOneRowIsTheRowOverItsLengthTimesANumber() {
        int columns = 300;
        Update.Orthogonal rule = rule(1, 5);
        double length = 1;
        for (int iteration = 0; iteration < 5; iteration++) {
            double square = length * length;
            length *= 3.4445 - 4.7750 * square + 2.0315 * square * square;
        }
        Update.Term term = rule.slopes().getFirst();
        double norm = 0;
        for (int c = 0; c < columns; c++) {
            norm += Math.pow(u(term.seed(), c), 2);
        }
        double factor = Math.signum(term.coefficient()) * length / Math.sqrt(norm);
        float[] actual = run(rule, 1, columns);
        for (int c = 0; c < columns; c++) {
            assertThat((double) actual[c])
                    .as("seed %d, element %d", seed, c)
                    .isEqualTo(factor * u(term.seed(), c), within(1e-5));
        }
    }

    /** Five iterations bring singular values near 1: rows are nearly orthonormal. */
    @Test
    void makesRowsNearlyOrthonormal() {
        int rank = 6;
        int columns = 400;
        float[] x = run(rule(4, 5), rank, columns);
        for (int i = 0; i < rank; i++) {
            for (int j = 0; j < rank; j++) {
                double dot = 0;
                for (int c = 0; c < columns; c++) {
                    dot += (double) x[i * columns + c] * x[j * columns + c];
                }
                assertThat(dot)
                        .as("seed %d, rows %d and %d", seed, i, j)
                        .isEqualTo(i == j ? 1 : 0, within(0.6));
            }
        }
    }

    @Test
    void noSlopeMovesNothing() {
        Update.Orthogonal still = new Update.Orthogonal(-1f, 5, List.of(new Update.Term(7, 0f)));
        assertThat(run(still, 3, 20)).containsOnly(0f);
    }

    private Update.Orthogonal rule(int terms, int iterations) {
        List<Update.Term> slopes =
                IntStream.range(0, terms)
                        .mapToObj(_ ->
                                new Update.Term(random.nextLong(), (float) random.nextGaussian()))
                        .toList();
        return new Update.Orthogonal(-0.1f, iterations, slopes);
    }

    private float[] run(Update.Orthogonal rule, int rank, int columns) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment x =
                    arena.allocate((long) columns * GramSchmidt.stride(rank) * Double.BYTES, 64);
            for (long i = 0; i < x.byteSize() / Double.BYTES; i++) {
                x.setAtIndex(ValueLayout.JAVA_DOUBLE, i, Double.NaN);
            }
            NewtonSchulz work = new NewtonSchulz(x, rank, columns);
            NewtonSchulz.Source source =
                    new NewtonSchulz.Source(new ProjectedDirection(3, rank, 10), TENSOR);
            List<Integer> rows = IntStream.range(0, rank).boxed().toList().reversed();
            rows.forEach(row -> work.estimate(source, rule, row));
            work.normalize();
            int split = random.nextInt(columns + 1);
            for (int iteration = 0; iteration < rule.iterations(); iteration++) {
                rows.forEach(work::gram);
                rows.forEach(work::square);
                work.advance(split, columns);
                work.advance(0, split);
            }
            MemorySegment out = arena.allocate((long) rank * columns * Float.BYTES, 64);
            work.write(split, columns, out);
            work.write(0, split, out);
            return out.toArray(ValueLayout.JAVA_FLOAT);
        }
    }

    private static float u(long termSeed, long element) {
        return GaussianScalar.value(StreamIds.PROJECTED_RIGHT, termSeed, TENSOR, element);
    }

    private static float[] normalized(Update.Orthogonal rule, int rank, int columns) {
        float[] g = new float[rank * columns];
        double all = 0;
        for (int row = 0; row < rank; row++) {
            double squares = 0;
            for (int c = 0; c < columns; c++) {
                int at = row * columns + c;
                for (Update.Term term : rule.slopes()) {
                    g[at] = Math.fma(term.coefficient(), u(term.seed(), at), g[at]);
                }
                squares += (double) g[at] * g[at];
            }
            all += squares;
        }
        double unit = Math.sqrt(all) + 1e-7;
        for (int at = 0; at < g.length; at++) {
            g[at] = (float) (g[at] / unit);
        }
        return g;
    }

    private static float[] iterate(float[] x, int rank, int columns) {
        double[][] a = new double[rank][rank];
        double[][] b = new double[rank][rank];
        for (int i = 0; i < rank; i++) {
            for (int j = 0; j < rank; j++) {
                for (int c = 0; c < columns; c++) {
                    a[i][j] += (double) x[j * columns + c] * x[i * columns + c];
                }
            }
        }
        for (int i = 0; i < rank; i++) {
            for (int j = 0; j < rank; j++) {
                double square = 0;
                for (int k = 0; k < rank; k++) {
                    square += a[i][k] * a[k][j];
                }
                b[i][j] = -4.7750 * a[i][j] + 2.0315 * square;
            }
        }
        float[] next = new float[x.length];
        for (int j = 0; j < rank; j++) {
            for (int c = 0; c < columns; c++) {
                double sum = 3.4445 * x[j * columns + c];
                for (int k = 0; k < rank; k++) {
                    sum += b[k][j] * x[k * columns + c];
                }
                next[j * columns + c] = (float) sum;
            }
        }
        return next;
    }
}
