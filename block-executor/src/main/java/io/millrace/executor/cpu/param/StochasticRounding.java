package io.millrace.executor.cpu.param;

import io.millrace.memory.DType;
import io.millrace.optim.random.Philox4x32;
import io.millrace.optim.random.StreamIds;

/**
 * Rounds to a neighbour of the storage dtype, up in magnitude with a probability equal to the share
 * of the gap that the value has covered. Element e takes the 16-bit draw number e mod 8 of Philox
 * block e / 8, the low half of each word first. Infinity and NaN stay; a finite value beyond the
 * dtype's largest may become infinity, as it would to nearest.
 */
final class StochasticRounding {
    private static final float HALF_MIN_NORMAL = 0x1p-14f;
    private static final int HALF_DROPPED_BITS = 13;

    private StochasticRounding() {}

    /** Rounds consecutive elements in place; {@code seed} is the seed of the update's step. */
    static void round(
            DType dtype,
            long seed,
            int tensorId,
            long firstElement,
            float[] values,
            int start,
            int count) {
        if (dtype == DType.F32) {
            return;
        }
        long draws = 0;
        for (int i = 0; i < count; i++) {
            long element = firstElement + i;
            if (i == 0 || (element & 3) == 0) {
                draws =
                        Philox4x32.pair(
                                seed,
                                element >>> 3,
                                tensorId,
                                StreamIds.STOCHASTIC_ROUNDING,
                                (int) (element >>> 2) & 1);
            }
            int draw = (int) (draws >>> ((element & 3) << 4)) & 0xFFFF;
            float value = values[start + i];
            if (Float.isFinite(value)) {
                values[start + i] =
                        dtype == DType.BF16 ? toBFloat16(value, draw) : toFloat16(value, draw);
            }
        }
    }

    private static float toBFloat16(float value, int draw) {
        return Float.intBitsToFloat((Float.floatToRawIntBits(value) + draw) & 0xFFFF0000);
    }

    private static float toFloat16(float value, int draw) {
        float magnitude = Math.abs(value);
        if (magnitude < HALF_MIN_NORMAL) {
            // Subnormal halves lie evenly, 2^-24 apart.
            float steps = magnitude * 0x1p24f;
            int whole = (int) steps;
            int rounded = (steps - whole) * 0x1p16f >= 0x10000 - draw ? whole + 1 : whole;
            return Math.copySign(rounded * 0x1p-24f, value);
        }
        int dither = draw >>> (16 - HALF_DROPPED_BITS);
        int bits = Float.floatToRawIntBits(value) + dither;
        float rounded = Float.intBitsToFloat(bits & -(1 << HALF_DROPPED_BITS));
        return Float.float16ToFloat(Float.floatToFloat16(rounded)); // beyond 65504: infinity
    }
}
