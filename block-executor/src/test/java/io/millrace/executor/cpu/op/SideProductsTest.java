package io.millrace.executor.cpu.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SideProductsTest {
    private static final double BOUND = 1e-5;

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 7})
    void projectsAndAddsAsDoubleDoes(int rank) {
        Random random = new Random(rank);
        for (int columns : new int[] {1, 15, 16, 33, 64, 100}) {
            for (boolean accumulate : new boolean[] {false, true}) {
                check(random, rank, 5, columns, accumulate, random.nextBoolean() ? 1 : 0.75f);
            }
        }
    }

    private static void check(
            Random random, int rank, int rows, int columns, boolean accumulate, float decay) {
        try (Arena arena = Arena.ofConfined()) {
            int stride = columns + 3;
            float[] x = values(random, rows * stride + 1);
            float[] factors = values(random, rank * columns + 2);
            MemorySegment products = poisoned(arena, rows * rank + 2);
            SideProducts.project(
                    of(arena, x),
                    1,
                    stride,
                    rows,
                    columns,
                    of(arena, factors),
                    2,
                    rank,
                    products,
                    1);
            for (int row = 0; row < rows; row++) {
                for (int j = 0; j < rank; j++) {
                    double sum = 0;
                    for (int c = 0; c < columns; c++) {
                        sum += (double) x[1 + row * stride + c] * factors[2 + j * columns + c];
                    }
                    assertThat((double) get(products, 1 + row * rank + j))
                            .as("rank %d, %d columns, row %d, sum %d", rank, columns, row, j)
                            .isEqualTo(sum, within(BOUND * columns));
                }
            }
            assertThat(Float.floatToRawIntBits(get(products, 0))).isEqualTo(Rows.POISON_BITS);
            assertThat(Float.floatToRawIntBits(get(products, 1 + rows * rank)))
                    .isEqualTo(Rows.POISON_BITS);
            add(random, arena, products, rank, rows, columns, accumulate, decay);
        }
    }

    private static void add(
            Random random,
            Arena arena,
            MemorySegment products,
            int rank,
            int rows,
            int columns,
            boolean accumulate,
            float decay) {
        int stride = columns + 5;
        float[] base = values(random, rows * columns);
        float[] factors = values(random, rank * stride);
        float[] bias = values(random, columns);
        boolean biased = random.nextBoolean();
        float[] before = values(random, rows * stride + 1);
        MemorySegment out = of(arena, before);
        SideProducts.add(
                of(arena, base),
                0,
                columns,
                rows,
                columns,
                decay,
                biased ? of(arena, bias) : null,
                0,
                products,
                1,
                rank,
                of(arena, factors),
                0,
                stride,
                accumulate,
                out,
                1,
                stride);
        for (int row = 0; row < rows; row++) {
            for (int c = 0; c < stride; c++) {
                int at = 1 + row * stride + c;
                double wanted = before[at];
                if (c < columns) {
                    double sum = (double) decay * base[row * columns + c] + (biased ? bias[c] : 0);
                    for (int j = 0; j < rank; j++) {
                        sum += (double) get(products, 1 + row * rank + j) * factors[j * stride + c];
                    }
                    wanted = accumulate ? wanted + sum : sum;
                }
                assertThat((double) get(out, at))
                        .as("rank %d, %d columns, row %d, column %d", rank, columns, row, c)
                        .isEqualTo(wanted, within(BOUND * (1 + Math.abs(wanted)) * rank));
            }
        }
    }

    private static float[] values(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static MemorySegment of(Arena arena, float[] values) {
        return arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
    }

    private static MemorySegment poisoned(Arena arena, int count) {
        MemorySegment memory = arena.allocate(ValueLayout.JAVA_FLOAT, count);
        Rows.poison(memory, 0, count);
        return memory;
    }

    private static float get(MemorySegment memory, long index) {
        return memory.getAtIndex(ValueLayout.JAVA_FLOAT, index);
    }
}
