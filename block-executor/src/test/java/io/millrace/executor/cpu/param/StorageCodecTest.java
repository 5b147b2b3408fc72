package io.millrace.executor.cpu.param;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BFloat16;
import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

final class StorageCodecTest {
    private static final StoredTensor HALF = tensor(DType.F16);
    private static final StoredTensor BRAIN = tensor(DType.BF16);

    private static StoredTensor tensor(DType dtype) {
        return new StoredTensor(MemorySegment.ofArray(new byte[2]), 0, dtype, 9, 1, false);
    }

    @Test
    void every16BitPatternSurvivesWideningAndNarrowing() {
        StorageCodec codec = new StorageCodec(1 << 16);
        float[] values = new float[1 << 16];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment in = arena.allocate(1 << 17);
            MemorySegment out = arena.allocate(1 << 17);
            for (DType dtype : new DType[] {DType.F16, DType.BF16}) {
                for (int i = 0; i < 1 << 16; i++) {
                    in.set(ValueLayout.JAVA_SHORT, 2L * i, (short) i);
                }
                codec.load(in, 0, dtype, values, 0, values.length);
                codec.store(out, 0, dtype, values, 0, values.length);
                for (int i = 0; i < 1 << 16; i++) {
                    short bits = out.get(ValueLayout.JAVA_SHORT, 2L * i);
                    if (Float.isNaN(values[i])) {
                        codec.load(out, 2L * i, dtype, values, i, 1);
                        assertThat(values[i]).isNaN();
                    } else {
                        assertThat(bits).as(dtype + " pattern " + i).isEqualTo((short) i);
                    }
                }
            }
        }
    }

    @Test
    void narrowingIsToNearestEven() {
        float[] edges = {
            0f,
            -0f,
            1f,
            0x1.01p0f,
            0x1.03p0f,
            0x1.010002p0f,
            65504f,
            65519.9f,
            65520f,
            3.4e38f,
            1e-40f,
            5.9604645e-8f,
            2.9802322e-8f,
            2.9802326e-8f,
            6.1e-5f,
            Float.MIN_VALUE,
            Float.POSITIVE_INFINITY,
            Float.NEGATIVE_INFINITY,
            Float.NaN,
            Float.MAX_VALUE,
            -1.5f
        };
        StorageCodec codec = new StorageCodec(edges.length);
        for (StoredTensor tensor : new StoredTensor[] {HALF, BRAIN}) {
            float[] rounded = edges.clone();
            codec.roundNearest(tensor.dtype(), rounded, 0, rounded.length);
            for (int i = 0; i < edges.length; i++) {
                Float expected = ScalarOracle.round(edges[i], tensor, Rounding.NEAREST, 0, 0);
                assertThat(rounded[i]).as(tensor.dtype() + " of " + edges[i]).isEqualTo(expected);
            }
        }
        assertThat(BFloat16.of(Float.intBitsToFloat(0x7F800001))).isEqualTo((short) 0x7FC0);
    }

    @Test
    void stochasticRoundingKeepsTheMean() {
        for (StoredTensor tensor : new StoredTensor[] {HALF, BRAIN}) {
            for (float value : new float[] {0.1f, -3.3333f, 3.1e-6f, -2.2e-8f}) {
                float[] values = new float[1 << 17];
                Arrays.fill(values, value);
                StochasticRounding.round(tensor.dtype(), 11, 9, 3, values, 0, values.length);
                double sum = 0;
                float low = Float.MAX_VALUE;
                float high = -Float.MAX_VALUE;
                for (float rounded : values) {
                    sum += rounded;
                    low = Math.min(low, rounded);
                    high = Math.max(high, rounded);
                }
                assertThat(low).isLessThan(value);
                assertThat(high).isGreaterThan(value);
                // four standard deviations of the mean of so many draws, the gap being high - low
                double allowed = (high - low) * 4 * 0.5 / Math.sqrt(values.length);
                assertThat(Math.abs(sum / values.length - value))
                        .as(tensor.dtype() + " of " + value)
                        .isLessThan(allowed + (high - low) * 0x1p-13);
            }
        }
    }

    @Test
    void infinityAndNanAreLeftAlone() {
        float[] values = {Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN};
        StochasticRounding.round(DType.BF16, 1, 0, 0, values, 0, 3);
        assertThat(values)
                .containsExactly(Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN);
    }

    @Test
    void refusesOtherDtypes() {
        assertThatThrownBy(() ->
                        new StorageCodec(4)
                                .load(
                                        MemorySegment.ofArray(new byte[64]),
                                        0,
                                        DType.I64,
                                        new float[4],
                                        0,
                                        4))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
