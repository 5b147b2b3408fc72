package io.millrace.executor.cpu.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class RowsTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 7, 16, 40})
    void gathersTokensAndAddsPositions(int width) {
        SplittableRandom random = new SplittableRandom(1);
        int[] ids = {4, 0, 4, 2};
        int[] positions = {0, 1, 2, 0};
        long stride = width + 2L;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment tokens = Memory.random(arena, random, 3 + 5L * width, 1);
            MemorySegment table = Memory.random(arena, random, 5L * width, 1);
            MemorySegment out = Memory.poisoned(arena, 1 + 4 * stride);
            Rows.gather(tokens, 3, 5, ids, 1, 4, width, 0.5f, out, 1, stride);
            Rows.gatherAdd(table, 0, 5, positions, 2, 1, 4, width, out, 1, stride);
            assertThat(Memory.isPoison(out, 1)).isTrue();
            for (int t = 1; t < 4; t++) {
                for (int i = 0; i < width; i++) {
                    float want =
                            Memory.at(tokens, 3 + (long) ids[t] * width + i) * 0.5f
                                    + Memory.at(table, (positions[t] + 2L) * width + i);
                    assertThat(Memory.at(out, 1 + t * stride + i)).isEqualTo(want);
                }
                assertThat(Memory.isPoison(out, 1 + t * stride + width)).isTrue();
            }
            assertThatThrownBy(() -> Rows.gather(tokens, 3, 4, ids, 0, 4, width, 1, out, 1, stride))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 15, 16, 17, 100})
    void addsScalesAndClearsExactRanges(int count) {
        SplittableRandom random = new SplittableRandom(2);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment a = Memory.random(arena, random, count + 1L, 1);
            MemorySegment b = Memory.random(arena, random, count, 1);
            MemorySegment out = Memory.poisoned(arena, count + 4L);
            Rows.copy(a, 1, out, 2, count);
            Rows.add(b, 0, out, 2, count);
            Rows.scale(3f, out, 2, count);
            for (int i = 0; i < count; i++) {
                assertThat(Memory.at(out, 2L + i))
                        .isEqualTo((Memory.at(a, 1L + i) + Memory.at(b, i)) * 3f);
            }
            Rows.zero(out, 2, count);
            for (int i = 0; i < count; i++) {
                assertThat(Memory.at(out, 2L + i)).isZero();
            }
            Rows.poison(out, 2, count);
            for (int i = 0; i < count + 4; i++) {
                assertThat(Memory.isPoison(out, i)).isTrue();
            }
        }
    }

    @Test
    void addsTheBiasToEachRow() {
        SplittableRandom random = new SplittableRandom(3);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bias = Memory.random(arena, random, 21, 1);
            MemorySegment out = Memory.random(arena, random, 3 * 25, 1);
            MemorySegment before = Memory.copy(arena, out);
            Rows.addBias(bias, 1, out, 2, 25, 3, 20);
            for (int i = 0; i < 75; i++) {
                int column = (i + 23) % 25;
                float more = column < 20 && i >= 2 ? Memory.at(bias, 1L + column) : 0f;
                assertThat(Memory.at(out, i)).isEqualTo(Memory.at(before, i) + more);
            }
        }
    }
}
