package io.millrace.model.quantized.format;

import static io.millrace.model.quantized.format.CodeLanes.FLOATS;
import static io.millrace.model.quantized.format.CodeLanes.INTS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/**
 * Codes of 8 bits to float32: as integers, or as small floats. Every method takes positions {@code
 * from} to {@code to} of one group, and may read {@link CodeLanes#PADDING} words beyond those that
 * it needs.
 */
final class Octets {
    private static final int OF_WORD = 4;
    private static final int MASK = 255;
    private static final int COUNT = CodeLanes.COUNT;

    private static final IntVector SHIFTS = CodeLanes.shifts(8);
    private static final VectorShuffle<Integer> WORDS =
            VectorShuffle.fromOp(INTS, lane -> lane / OF_WORD);

    private static final int MAGNITUDE = 0x7f;
    private static final int SIGN = 0x80;
    private static final int SIGN_SHIFT = 24;

    /** Up to where the bits of an E4M3 have to go in those of a float32. */
    private static final int PLACE = 20;

    /** What its exponent lacks there. */
    private static final int EXPONENT = 120 << 23;

    /** The least magnitude that has an exponent; below, it counts steps of 2⁻⁹. */
    private static final int NORMAL = 8;

    private static final float STEP = 0x1p-9f;
    private static final int NO_NUMBER = 0x7fc0_0000;

    private Octets() {}

    /** One code. */
    static int code(int[] words, int position) {
        return words[position >> 2] >>> (8 * (position & 3)) & MASK;
    }

    private static IntVector codes(int[] words, int position) {
        IntVector word = IntVector.fromArray(INTS, words, position >> 2).rearrange(WORDS);
        return word.lanewise(VectorOperators.LSHR, SHIFTS).and(MASK);
    }

    /** (code − zero) · scale · factor, each product rounded. */
    static void affine(
            int[] words,
            int from,
            int to,
            int zero,
            float scale,
            float factor,
            Target target,
            long at) {
        int first = CodeLanes.aligned(from, to, OF_WORD);
        int last = CodeLanes.whole(first, to);
        for (int p = from; p < first; p++) {
            target.put((code(words, p) - zero) * scale * factor, at, p - from);
        }
        for (int p = first; p < last; p += COUNT) {
            FloatVector code =
                    (FloatVector) codes(words, p).sub(zero).convert(VectorOperators.I2F, 0);
            target.put(code.mul(scale).mul(factor), at, p - from);
        }
        for (int p = last; p < to; p++) {
            target.put((code(words, p) - zero) * scale * factor, at, p - from);
        }
    }

    /**
     * (code − zero) · scale, each code of a group of its own.
     *
     * @param groups those of positions, times the arrays' elements from one to the next
     * @param before what the arrays have before the first group
     */
    static void affine(
            int[] words,
            int from,
            int to,
            int[] groups,
            int before,
            int[] zeros,
            float[] scales,
            Target target,
            long at) {
        int first = CodeLanes.aligned(from, to, OF_WORD);
        int last = CodeLanes.whole(first, to);
        for (int p = from; p < first; p++) {
            int its = groups[p - from] + before;
            target.put((code(words, p) - zeros[its]) * scales[its], at, p - from);
        }
        for (int p = first; p < last; p += COUNT) {
            IntVector zero = IntVector.fromArray(INTS, zeros, before, groups, p - from);
            FloatVector scale = FloatVector.fromArray(FLOATS, scales, before, groups, p - from);
            FloatVector code =
                    (FloatVector) codes(words, p).sub(zero).convert(VectorOperators.I2F, 0);
            target.put(code.mul(scale), at, p - from);
        }
        for (int p = last; p < to; p++) {
            int its = groups[p - from] + before;
            target.put((code(words, p) - zeros[its]) * scales[its], at, p - from);
        }
    }

    /** code · scale, of codes that are floats, E4M3 without infinities. */
    static void e4m3(int[] words, int from, int to, float scale, Target target, long at) {
        int first = CodeLanes.aligned(from, to, OF_WORD);
        int last = CodeLanes.whole(first, to);
        for (int p = from; p < first; p++) {
            target.put(e4m3(code(words, p)) * scale, at, p - from);
        }
        for (int p = first; p < last; p += COUNT) {
            target.put(e4m3(codes(words, p)).mul(scale), at, p - from);
        }
        for (int p = last; p < to; p++) {
            target.put(e4m3(code(words, p)) * scale, at, p - from);
        }
    }

    /** By way of no float32 that is too small for an exponent: processors take long for those. */
    private static FloatVector e4m3(IntVector code) {
        IntVector magnitude = code.and(MAGNITUDE);
        IntVector small =
                ((FloatVector) magnitude.convert(VectorOperators.I2F, 0))
                        .mul(STEP)
                        .reinterpretAsInts();
        return magnitude
                .lanewise(VectorOperators.LSHL, PLACE)
                .add(EXPONENT)
                .blend(small, magnitude.compare(VectorOperators.LT, NORMAL))
                .blend(NO_NUMBER, magnitude.compare(VectorOperators.EQ, MAGNITUDE))
                .or(code.and(SIGN).lanewise(VectorOperators.LSHL, SIGN_SHIFT))
                .reinterpretAsFloats();
    }

    /** What a byte is as a float of E4M3. */
    static float e4m3(int code) {
        int magnitude = code & MAGNITUDE;
        int bits = (magnitude << PLACE) + EXPONENT;
        if (magnitude < NORMAL) {
            bits = Float.floatToRawIntBits(magnitude * STEP);
        } else if (magnitude == MAGNITUDE) {
            bits = NO_NUMBER;
        }
        return Float.intBitsToFloat(bits | (code & SIGN) << SIGN_SHIFT);
    }
}
