package io.millrace.model.file.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Units of random bytes against one element after another, as ggml's headers lay them out. */
class GgufUnitsTest {
    private static final int UNITS = 40;

    private final Random random = new Random(23);

    @ParameterizedTest
    @EnumSource
    void everyElementHasTheBitsOfItsFormula(GgufFormat format) {
        byte[] bytes = new byte[UNITS * format.unitBytes()];
        random.nextBytes(bytes);
        for (int unit = 0; unit < UNITS; unit++) {
            finite(format, bytes, unit * format.unitBytes());
        }
        int elements = UNITS * format.unitElements();
        float[] expected = new float[elements];
        for (int e = 0; e < elements; e++) {
            int at = e / format.unitElements() * format.unitBytes();
            expected[e] = element(format, bytes, at, e % format.unitElements());
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment stored = arena.allocate(1 + bytes.length, 1);
            MemorySegment.copy(bytes, 0, stored, ValueLayout.JAVA_BYTE, 1, bytes.length);
            for (int turn = 0; turn < 50; turn++) {
                int first = turn == 0 ? 0 : random.nextInt(elements);
                int count = turn == 0 ? elements : 1 + random.nextInt(elements - first);
                float[] values = new float[count + 2];
                format.load(stored, 1, first, values, 1, count);
                for (int i = 0; i < count; i++) {
                    assertThat(Float.floatToRawIntBits(values[1 + i]))
                            .as("element %d", first + i)
                            .isEqualTo(Float.floatToRawIntBits(expected[first + i]));
                }
                assertThat(values[0] + values[count + 1]).isZero();
            }
        }
    }

    /** Halves that are numbers, where a unit has them. */
    private void finite(GgufFormat format, byte[] bytes, int at) {
        int[] places =
                switch (format) {
                    case Q4_0, Q5_0, Q8_0 -> new int[] {0};
                    case Q4_1, Q4_K, Q5_K -> new int[] {0, 2};
                    case Q6_K -> new int[] {208};
                };
        for (int place : places) {
            short half = Float.floatToFloat16(random.nextFloat() - 0.5f);
            bytes[at + place] = (byte) half;
            bytes[at + place + 1] = (byte) (half >>> 8);
        }
    }

    private static float element(GgufFormat format, byte[] bytes, int at, int e) {
        int nibble = e % 32 / 16 * 4; // of units of 32
        return switch (format) {
            case Q4_0 -> half(bytes, at) * ((octet(bytes, at + 2 + e % 16) >> nibble & 15) - 8);
            case Q4_1 -> {
                float product = half(bytes, at) * (octet(bytes, at + 4 + e % 16) >> nibble & 15);
                yield product + half(bytes, at + 2);
            }
            case Q5_0 -> {
                int fifth = octet(bytes, at + 2 + e / 8) >> (e % 8) & 1;
                int code = octet(bytes, at + 6 + e % 16) >> nibble & 15;
                yield half(bytes, at) * (code + 16 * fifth - 16);
            }
            case Q8_0 -> half(bytes, at) * bytes[at + 2 + e];
            case Q4_K -> ofGroup(bytes, at, e, octet(bytes, at + 16 + codeOf(e)) >> shift(e) & 15);
            case Q5_K -> {
                int fifth = octet(bytes, at + 16 + e % 32) >> (e / 32) & 1;
                int code = octet(bytes, at + 48 + codeOf(e)) >> shift(e) & 15;
                yield ofGroup(bytes, at, e, code + 16 * fifth);
            }
            case Q6_K -> {
                int quarter = e / 32 % 4;
                int low = octet(bytes, at + e / 128 * 64 + quarter % 2 * 32 + e % 32);
                int high = octet(bytes, at + 128 + e / 128 * 32 + e % 32);
                int code = (low >> (quarter / 2 * 4) & 15) + 16 * (high >> (2 * quarter) & 3);
                float scale = half(bytes, at + 208) * bytes[at + 192 + e / 16];
                yield scale * (code - 32);
            }
        };
    }

    private static int codeOf(int e) {
        return e / 64 * 32 + e % 32;
    }

    private static int shift(int e) {
        return e / 32 % 2 * 4;
    }

    private static float ofGroup(byte[] bytes, int at, int e, int code) {
        int group = e / 32;
        int scale;
        int least;
        if (group < 4) {
            scale = octet(bytes, at + 4 + group) & 63;
            least = octet(bytes, at + 8 + group) & 63;
        } else {
            int shared = octet(bytes, at + 8 + group);
            scale = (shared & 15) + (octet(bytes, at + group) >> 6) * 16;
            least = (shared >> 4) + (octet(bytes, at + 4 + group) >> 6) * 16;
        }
        float product = half(bytes, at) * scale * code;
        return product - half(bytes, at + 2) * least;
    }

    private static int octet(byte[] bytes, int at) {
        return bytes[at] & 255;
    }

    private static float half(byte[] bytes, int at) {
        return Float.float16ToFloat((short) (octet(bytes, at) | octet(bytes, at + 1) << 8));
    }
}
