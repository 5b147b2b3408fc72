package io.millrace.executor.cpu.gradient.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.cpu.op.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@link ColumnSums} and {@link RowScatter} against sums in double. */
final class RowSumsTest {
    private static final double BOUND = 1e-6; // a row, of values of the size of 1

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 65, 100})
    void addsUpColumnsAndNoOthers(int width) {
        SplittableRandom random = new SplittableRandom(61);
        int rows = 50;
        long stride = width + 2L;
        int from = width / 3;
        int to = width - width / 4;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment in = Memory.random(arena, random, 3 + rows * stride, 1);
            MemorySegment out = Memory.random(arena, random, 1L + width, 1);
            MemorySegment before = Memory.copy(arena, out);
            MemorySegment parted = Memory.copy(arena, out);
            ColumnSums.add(in, 3, stride, rows, from, to, out, 1);
            for (int i = 0; i < 1 + width; i++) {
                double want = Memory.at(before, i);
                if (i - 1 < from || i - 1 >= to) {
                    assertThat(Memory.at(out, i)).isEqualTo((float) want);
                    continue;
                }
                for (int row = 0; row < rows; row++) {
                    want += Memory.at(in, 3 + row * stride + i - 1);
                }
                assertThat((double) Memory.at(out, i)).isCloseTo(want, within(rows * BOUND));
            }
            int middle = (from + to) / 2;
            ColumnSums.add(in, 3, stride, rows, middle, to, parted, 1);
            ColumnSums.add(in, 3, stride, rows, from, middle, parted, 1);
            assertThat(Memory.sameBits(parted, out)).isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 65, 100})
    void addsRowsToTheRowsThatTheyCameFrom(int width) {
        SplittableRandom random = new SplittableRandom(62);
        int[] ids = {90, 3, 0, 3, 3, 4, 90};
        long stride = width + 2L;
        int from = width / 3;
        float scale = 1.7f;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment gradient = Memory.random(arena, random, 2 + ids.length * stride, 1);
            MemorySegment table = Memory.random(arena, random, 5L + 6L * width, 1);
            MemorySegment before = Memory.copy(arena, table);
            // Ids 90 are outside, and not among these tokens.
            RowScatter.add(
                    gradient, 2, stride, scale, ids, 1, 1, 6, from, width, table, 5, 6, width);
            for (int row = 0; row < 6; row++) {
                for (int i = 0; i < width; i++) {
                    double want = Memory.at(before, 5 + (long) row * width + i);
                    for (int t = 1; t < 6 && i >= from; t++) {
                        boolean here = ids[t] + 1 == row;
                        want += here ? scale * Memory.at(gradient, 2 + t * stride + i) : 0;
                    }
                    assertThat((double) Memory.at(table, 5 + (long) row * width + i))
                            .as("row %d, column %d", row, i)
                            .isCloseTo(want, within(5 * BOUND));
                }
            }
        }
    }

    @Test
    void refusesARowThatTheTableHasNot() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = Memory.poisoned(arena, 40);
            assertThatThrownBy(() ->
                            RowScatter.add(
                                    memory, 0, 5, 1, new int[] {1}, 1, 0, 1, 0, 5, memory, 5, 2, 5))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }
}
