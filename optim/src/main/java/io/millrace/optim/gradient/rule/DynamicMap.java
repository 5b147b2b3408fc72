package io.millrace.optim.gradient.rule;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The 256 values that a byte of a state in 8 bits stands for, in order (dynamic quantisation, arXiv
 * 2110.02861, section 2.1, as bitsandbytes' {@code create_dynamic_map} makes them): 0, 1, and the
 * middles of ever more equal parts of each power of ten from 1e-6 to 1.
 */
final class DynamicMap {
    /** With both signs, for first moments. */
    static final DynamicMap SIGNED = new DynamicMap(true);

    /** Without, for second moments. */
    static final DynamicMap UNSIGNED = new DynamicMap(false);

    private static final int CODES = 256;
    private static final int POWERS = 7;
    // Floats that differ in these alone have at most two codes (the constructor sees to it).
    private static final int LOWER_BITS = 16;
    private static final double LEAST = 0.1; // of a power of ten, where its values begin

    private static final int SIGN_SHIFT = Float.SIZE - 1;
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int LANES = FLOATS.length();

    private final float[] values = new float[CODES];
    private final int zero; // the code of 0
    // Between code i and i + 1; none lies above the last.
    private final float[] middles = new float[CODES];
    // By the upper bits of a float: the code of the lowest of the floats that begin with them.
    private final int[] lowest = new int[1 << (Float.SIZE - LOWER_BITS)];

    private DynamicMap(boolean signed) {
        int next = 0;
        values[next++] = 0;
        values[next++] = 1;
        for (int power = 0; power < POWERS; power++) {
            int parts = signed ? 1 << power : 2 << power;
            double scale = StrictMath.pow(10, power - (POWERS - 1.0));
            for (int part = 0; part < parts; part++) {
                double middle = LEAST + (1 - LEAST) * (part + 0.5) / parts;
                values[next++] = (float) (scale * middle);
                if (signed) {
                    values[next++] = (float) (-scale * middle);
                }
            }
        }
        Arrays.sort(values);
        for (int code = 0; code < CODES - 1; code++) {
            middles[code] = (float) (((double) values[code] + values[code + 1]) / 2);
        }
        middles[CODES - 1] = Float.POSITIVE_INFINITY;
        zero = search(0);
        for (int upper = 0; upper < lowest.length; upper++) {
            int bits = upper << LOWER_BITS;
            int most = bits | (1 << LOWER_BITS) - 1;
            int code = search(Float.intBitsToFloat(bits < 0 ? most : bits));
            if (search(Float.intBitsToFloat(bits < 0 ? bits : most)) > code + 1) {
                throw new IllegalStateException("floats from " + bits + " on have many codes");
            }
            lowest[upper] = code;
        }
    }

    /**
     * The value of a code.
     *
     * @param code from 0 to 255
     */
    float value(int code) {
        return values[code];
    }

    /**
     * The code of the value that is nearest, of two as near the lower.
     *
     * @param value in [-1, 1]
     */
    int code(float value) {
        int code = lowest[Float.floatToRawIntBits(value) >>> LOWER_BITS];
        // By the sign of a difference: a branch would be foreseen wrongly every other time.
        return code + (Float.floatToRawIntBits(middles[code] - value) >>> SIGN_SHIFT);
    }

    /**
     * The code of value / largest, but that what lies below 0 stays below it.
     *
     * @param largest the greatest magnitude that may come, above 0
     */
    int code(float value, float largest) {
        int code = code(value / largest);
        int below = Float.floatToRawIntBits(value + 0f) >>> SIGN_SHIFT; // -0 is not
        int atZero = ((code ^ zero) - 1) >>> SIGN_SHIFT;
        return code - (below & atZero);
    }

    /**
     * Makes values of codes: those of a part of an array, times a factor.
     *
     * @param codes from 0 to 255 each
     * @param factor on each value
     * @param to receives as many, at the same places
     * @param places scratch memory of as many
     */
    void values(float[] codes, int from, int end, float factor, float[] to, int[] places) {
        for (int i = from; i < end; i++) {
            places[i - from] = (int) codes[i];
        }
        int last = from + FLOATS.loopBound(end - from);
        for (int i = from; i < last; i += LANES) {
            FloatVector.fromArray(FLOATS, values, 0, places, i - from).mul(factor).intoArray(to, i);
        }
        for (int i = last; i < end; i++) {
            to[i] = value(places[i - from]) * factor;
        }
    }

    /**
     * Makes codes of values, as {@link #code(float, float)} does.
     *
     * @param largest the greatest magnitude that may come, above 0
     * @param codes receives as many, at the same places
     * @param places scratch memory of as many
     */
    void codes(float[] from, int first, int end, float largest, float[] codes, int[] places) {
        int last = first + FLOATS.loopBound(end - first);
        for (int i = first; i < last; i += LANES) {
            FloatVector.fromArray(FLOATS, from, i)
                    .div(largest)
                    .reinterpretAsInts()
                    .lanewise(VectorOperators.LSHR, LOWER_BITS)
                    .intoArray(places, i - first);
        }
        for (int i = first; i < last; i += LANES) {
            IntVector.fromArray(INTS, lowest, 0, places, i - first).intoArray(places, i - first);
        }
        for (int i = first; i < last; i += LANES) {
            FloatVector value = FloatVector.fromArray(FLOATS, from, i);
            IntVector above =
                    FloatVector.fromArray(FLOATS, middles, 0, places, i - first)
                            .sub(value.div(largest))
                            .reinterpretAsInts()
                            .lanewise(VectorOperators.LSHR, SIGN_SHIFT);
            IntVector code = IntVector.fromArray(INTS, places, i - first).add(above);
            IntVector below =
                    value.add(0f).reinterpretAsInts().lanewise(VectorOperators.LSHR, SIGN_SHIFT);
            IntVector atZero =
                    code.lanewise(VectorOperators.XOR, zero)
                            .sub(1)
                            .lanewise(VectorOperators.LSHR, SIGN_SHIFT);
            ((FloatVector) code.sub(below.and(atZero)).convert(VectorOperators.I2F, 0))
                    .intoArray(codes, i);
        }
        for (int i = last; i < end; i++) {
            codes[i] = code(from[i], largest);
        }
    }

    private int search(float value) {
        int low = 0;
        int high = CODES - 1;
        while (low < high) {
            int middle = (low + high) / 2;
            if (value > middles[middle]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }
}
