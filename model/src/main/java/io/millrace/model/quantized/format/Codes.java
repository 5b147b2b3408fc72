package io.millrace.model.quantized.format;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Codes of 4 or 8 bits to float32: as integers, as places in a table, or as small floats. They lie
 * in words of 32 bits, the first in the lowest bits; position p is a code of word p · bits / 32.
 * Every method takes positions {@code from} to {@code to} of one group, and may read {@link
 * #PADDING} words beyond those that it needs.
 */
final class Codes {
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final int LANES = INTS.length();

    /** Words that may be read beyond the last one. */
    static final int PADDING = LANES;

    private static final Spread NIBBLES = new Spread(4);
    private static final Spread BYTES = new Spread(8);

    private static final int TABLE = 16;
    private static final int NIBBLE = 15;
    private static final int BYTE = 255;

    /** 2¹²⁰: what an E4M3 is too small by where its bits stand in those of a float32. */
    private static final float E4M3 = 0x1p120f;

    private static final int E4M3_SHIFT = 20;
    private static final int E4M3_MAGNITUDE = 0x7f;
    private static final int E4M3_SIGN = 0x80;

    private Codes() {}

    /** How the codes of consecutive words come to lie one in a lane. */
    private static final class Spread {
        final int ofWord;
        final VectorShuffle<Integer> words;
        final IntVector shifts;

        Spread(int bits) {
            ofWord = Integer.SIZE / bits;
            words = VectorShuffle.fromOp(INTS, lane -> lane / ofWord);
            int[] shift = new int[LANES];
            for (int lane = 0; lane < LANES; lane++) {
                shift[lane] = bits * (lane % ofWord);
            }
            shifts = IntVector.fromArray(INTS, shift, 0);
        }
    }

    private static IntVector nibbles(int[] words, int position) {
        IntVector word = IntVector.fromArray(INTS, words, position >> 3).rearrange(NIBBLES.words);
        IntVector shifts = LANES < 8 ? NIBBLES.shifts.add(4 * (position & 7)) : NIBBLES.shifts;
        return word.lanewise(VectorOperators.LSHR, shifts).and(NIBBLE);
    }

    private static IntVector bytes(int[] words, int position) {
        IntVector word = IntVector.fromArray(INTS, words, position >> 2).rearrange(BYTES.words);
        return word.lanewise(VectorOperators.LSHR, BYTES.shifts).and(BYTE);
    }

    /** One code. */
    static int code(int[] words, int bits, int position) {
        return bits == 4
                ? words[position >> 3] >>> (4 * (position & 7)) & NIBBLE
                : words[position >> 2] >>> (8 * (position & 3)) & BYTE;
    }

    /** The first position from one on where a vector may begin. */
    private static int aligned(int from, int to, int ofWord) {
        return Math.min(to, (from + ofWord - 1) / ofWord * ofWord);
    }

    /** (code − zero) · scale. */
    static void affine(
            int[] words,
            int bits,
            int from,
            int to,
            int zero,
            float scale,
            float[] values,
            int at) {
        int p = from;
        for (int end = aligned(from, to, Integer.SIZE / bits); p < end; p++) {
            values[at + p - from] = (code(words, bits, p) - zero) * scale;
        }
        p =
                bits == 4
                        ? affineNibbles(words, p, to, zero, scale, values, at + p - from)
                        : affineBytes(words, p, to, zero, scale, values, at + p - from);
        for (; p < to; p++) {
            values[at + p - from] = (code(words, bits, p) - zero) * scale;
        }
    }

    private static int affineNibbles(
            int[] words, int from, int to, int zero, float scale, float[] values, int at) {
        int p = from;
        for (; p <= to - LANES; p += LANES) {
            FloatVector code =
                    (FloatVector) nibbles(words, p).sub(zero).convert(VectorOperators.I2F, 0);
            code.mul(scale).intoArray(values, at + p - from);
        }
        return p;
    }

    private static int affineBytes(
            int[] words, int from, int to, int zero, float scale, float[] values, int at) {
        int p = from;
        for (; p <= to - LANES; p += LANES) {
            FloatVector code =
                    (FloatVector) bytes(words, p).sub(zero).convert(VectorOperators.I2F, 0);
            code.mul(scale).intoArray(values, at + p - from);
        }
        return p;
    }

    /** table[code] · scale, of codes of 4 bits. */
    static void lookup(
            int[] words, int from, int to, float[] table, float scale, float[] values, int at) {
        int p = from;
        for (int end = aligned(from, to, 8); p < end; p++) {
            values[at + p - from] = table[code(words, 4, p)] * scale;
        }
        if (LANES >= TABLE) {
            FloatVector entries = FloatVector.fromArray(FLOATS, table, 0);
            IntVector bits = entries.reinterpretAsInts();
            for (; p <= to - LANES; p += LANES) {
                FloatVector found = nibbles(words, p).selectFrom(bits).reinterpretAsFloats();
                found.mul(scale).intoArray(values, at + p - from);
            }
        }
        for (; p < to; p++) {
            values[at + p - from] = table[code(words, 4, p)] * scale;
        }
    }

    /** code · scale, of codes that are floats of 8 bits, E4M3 without infinities. */
    static void e4m3(int[] words, int from, int to, float scale, float[] values, int at) {
        int p = from;
        for (int end = aligned(from, to, 4); p < end; p++) {
            values[at + p - from] = e4m3(code(words, 8, p)) * scale;
        }
        for (; p <= to - LANES; p += LANES) {
            IntVector code = bytes(words, p);
            IntVector magnitude = code.and(E4M3_MAGNITUDE);
            FloatVector value =
                    magnitude
                            .lanewise(VectorOperators.LSHL, E4M3_SHIFT)
                            .reinterpretAsFloats()
                            .mul(E4M3)
                            .blend(
                                    Float.NaN,
                                    magnitude
                                            .compare(VectorOperators.EQ, E4M3_MAGNITUDE)
                                            .cast(FLOATS));
            IntVector sign = code.and(E4M3_SIGN).lanewise(VectorOperators.LSHL, 24);
            value.reinterpretAsInts()
                    .or(sign)
                    .reinterpretAsFloats()
                    .mul(scale)
                    .intoArray(values, at + p - from);
        }
        for (; p < to; p++) {
            values[at + p - from] = e4m3(code(words, 8, p)) * scale;
        }
    }

    /** What a byte is as a float of E4M3. */
    static float e4m3(int code) {
        int magnitude = code & E4M3_MAGNITUDE;
        float value =
                magnitude == E4M3_MAGNITUDE
                        ? Float.NaN
                        : Float.intBitsToFloat(magnitude << E4M3_SHIFT) * E4M3;
        return (code & E4M3_SIGN) == 0 ? value : -value;
    }
}
