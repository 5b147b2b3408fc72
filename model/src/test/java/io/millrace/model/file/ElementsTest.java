package io.millrace.model.file;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ElementsTest {
    private static final int ALL = 1 << 16;

    @Test
    void widensEveryHalfExactly() {
        short[] halves = new short[ALL];
        for (int i = 0; i < ALL; i++) {
            halves[i] = (short) i;
        }
        for (DType dtype : List.of(DType.BF16, DType.F16)) {
            int[] wide = new int[ALL];
            Elements.convert(
                    MemorySegment.ofArray(halves),
                    dtype,
                    MemorySegment.ofArray(wide),
                    DType.F32,
                    ALL);
            for (int i = 0; i < ALL; i++) {
                float expected =
                        dtype == DType.BF16
                                ? Float.intBitsToFloat(i << 16)
                                : Float.float16ToFloat((short) i);
                assertThat(wide[i])
                        .as("%s %x", dtype, i)
                        .isEqualTo(Float.floatToRawIntBits(expected));
            }
        }
    }

    @Test
    void narrowsToTheNearestTiesToEven() {
        long seed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(seed);
        int count = 40_003; // whole vectors and a tail
        int[] bits = new int[count];
        for (int i = 0; i < count; i++) {
            bits[i] =
                    switch (i % 4) {
                        case 0 -> random.nextInt();
                        case 1 -> (random.nextInt() & 0xFFFF_0000) | 0x8000; // a tie
                        case 2 -> random.nextInt() | 0x7F80_0000; // infinite or not a number
                        default -> Float.floatToRawIntBits((float) random.nextGaussian());
                    };
        }
        short[] narrow = new short[count];
        Elements.convert(
                MemorySegment.ofArray(bits),
                DType.F32,
                MemorySegment.ofArray(narrow),
                DType.BF16,
                count);
        for (int i = 0; i < count; i++) {
            float wide = Float.intBitsToFloat(bits[i]);
            float found = Float.intBitsToFloat(narrow[i] << 16);
            if (Float.isNaN(wide)) {
                assertThat(found).as("seed %d element %d", seed, i).isNaN();
            } else {
                assertThat(found).as("seed %d element %d", seed, i).isEqualTo(nearestBf16(wide));
            }
        }
    }

    /** The nearest of the two neighbours, by distance in double; the even one on a tie. */
    private static float nearestBf16(float value) {
        int below = Float.floatToRawIntBits(value) & 0xFFFF_0000;
        float low = Float.intBitsToFloat(below);
        float high = Float.intBitsToFloat(below + 0x1_0000);
        if (Float.isInfinite(low)) {
            return low;
        }
        // The step above the largest finite value counts as if the exponent went on.
        double top = Float.isInfinite(high) ? Math.copySign(0x1p128, low) : high;
        double toLow = Math.abs((double) value - low);
        double toHigh = Math.abs(top - value);
        if (toLow == toHigh) {
            return (below & 0x1_0000) == 0 ? low : high;
        }
        return toLow < toHigh ? low : high;
    }

    @Test
    void convertsBetweenTheHalves() {
        short[] bf16 = {0x3F80, (short) 0xC000, 0x3E80};
        short[] f16 = new short[3];
        Elements.convert(
                MemorySegment.ofArray(bf16), DType.BF16, MemorySegment.ofArray(f16), DType.F16, 3);
        assertThat(f16)
                .containsExactly(
                        Float.floatToFloat16(1),
                        Float.floatToFloat16(-2),
                        Float.floatToFloat16(.25f));
        short[] back = new short[3];
        Elements.convert(
                MemorySegment.ofArray(f16), DType.F16, MemorySegment.ofArray(back), DType.BF16, 3);
        assertThat(back).containsExactly(bf16);
    }

    @Test
    void findsTheFirstElementThatIsNoNumber() {
        long seed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(seed);
        float[] bad = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY};
        for (DType dtype : List.of(DType.F32, DType.F16, DType.BF16)) {
            for (int count : new int[] {0, 1, 3, 16, 17, 63, 64, 65, 1000}) {
                MemorySegment segment = MemorySegment.ofArray(new byte[count * dtype.sizeBytes()]);
                for (int i = 0; i < count; i++) {
                    float value = (random.nextFloat() - .5f) * 130000; // just inside float16
                    Elements.set(segment, dtype, i, value);
                }
                assertThat(Elements.firstNonFinite(segment, dtype))
                        .as("seed %d %s %d", seed, dtype, count)
                        .isEqualTo(-1);
                if (count > 0) {
                    int at = random.nextInt(count);
                    Elements.set(segment, dtype, count - 1, bad[random.nextInt(3)]);
                    Elements.set(segment, dtype, at, bad[random.nextInt(3)]);
                    assertThat(Elements.firstNonFinite(segment, dtype))
                            .as("seed %d %s %d", seed, dtype, count)
                            .isEqualTo(at);
                }
            }
        }
    }

    /** Bytes of a state that is stored as codes may be any. */
    @Test
    void everyWholeNumberIsANumber() {
        byte[] bytes = new byte[256];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) i;
        }
        MemorySegment segment = MemorySegment.ofArray(bytes);
        for (DType dtype : List.of(DType.U8, DType.I8, DType.I16, DType.I32, DType.I64)) {
            assertThat(Elements.isNonFinite(segment, dtype)).as("%s", dtype).isFalse();
        }
        assertThat(Elements.isNonFinite(segment, DType.F32)).isTrue();
    }
}
