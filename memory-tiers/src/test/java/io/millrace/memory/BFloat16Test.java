package io.millrace.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class BFloat16Test {
    private static final int[] LOWER = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
    private static final byte POISON = 0x5a;

    /** Everything between each pair of neighbours: ties, subnormals, infinities and NaNs too. */
    @Test
    void roundsEveryValueToTheNearestAndTiesToEven() {
        int count = (1 << 16) * LOWER.length;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment in = arena.allocate((long) count * Float.BYTES);
            MemorySegment out = arena.allocate((long) count * Short.BYTES).fill(POISON);
            for (int i = 0; i < count; i++) {
                int bits = ((i / LOWER.length) << 16) | LOWER[i % LOWER.length];
                in.setAtIndex(ValueLayout.JAVA_INT, i, bits);
            }
            BFloat16.round(in, 0, out, 0, count);
            for (int i = 0; i < count; i++) {
                float value = in.getAtIndex(ValueLayout.JAVA_FLOAT, i);
                short bits = out.getAtIndex(ValueLayout.JAVA_SHORT, i);
                assertNearest(value, bits);
                assertThat(BFloat16.of(value)).isEqualTo(bits);
            }
        }
    }

    private static void assertNearest(float value, short bits) {
        float rounded = Float.intBitsToFloat(bits << 16);
        if (Float.isNaN(value)) {
            assertThat(rounded).isNaN();
            return;
        }
        if (Float.isInfinite(value)) {
            assertThat(rounded).isEqualTo(value);
            return;
        }
        // In doubles the largest value has a successor too, at which infinity stands.
        int low = Float.floatToRawIntBits(value) >>> 16;
        double below = magnitude(low);
        double above = magnitude(low + 1);
        double size = Math.abs((double) value);
        boolean up =
                size - below > above - size || (size - below == above - size && (low & 1) == 1);
        assertThat(bits)
                .as("%s (%08x)", value, Float.floatToRawIntBits(value))
                .isEqualTo((short) (up ? low + 1 : low));
    }

    private static double magnitude(int bits) {
        int positive = bits & 0x7fff;
        return positive == 0x7f80 ? 0x1p128 : Float.intBitsToFloat(positive << 16);
    }

    @Test
    void writesWhatItIsAskedToAndNothingBeside() {
        long seed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(seed);
        try (Arena arena = Arena.ofConfined()) {
            for (int count = 0; count < 70; count++) {
                int from = random.nextInt(9);
                int to = random.nextInt(9);
                MemorySegment in = arena.allocate((from + count) * (long) Float.BYTES);
                MemorySegment out = arena.allocate(2L * (to + count + 5)).fill(POISON);
                for (int i = 0; i < count; i++) {
                    float value = (float) random.nextGaussian();
                    in.setAtIndex(ValueLayout.JAVA_FLOAT, from + i, value);
                }
                BFloat16.round(in, 4L * from, out, 2L * to, count);
                for (int i = 0; i < to + count + 5; i++) {
                    boolean inside = i >= to && i < to + count;
                    short expected =
                            inside
                                    ? BFloat16.of(
                                            in.getAtIndex(ValueLayout.JAVA_FLOAT, from + i - to))
                                    : (short) ((POISON << 8) | POISON);
                    assertThat(out.getAtIndex(ValueLayout.JAVA_SHORT, i))
                            .as("seed %d, %d of %d", seed, i - to, count)
                            .isEqualTo(expected);
                }
            }
        }
    }
}
