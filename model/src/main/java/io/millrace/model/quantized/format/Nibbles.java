package io.millrace.model.quantized.format;

import static io.millrace.model.quantized.format.CodeLanes.FLOATS;
import static io.millrace.model.quantized.format.CodeLanes.INTS;

import java.util.stream.IntStream;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/**
 * Codes of 4 bits to numbers: as integers, or as places in a table. Every method takes positions
 * {@code from} to {@code to} of one group, and may read {@link CodeLanes#PADDING} words beyond
 * those that it needs.
 */
final class Nibbles {
    /** Codes that there are, and entries of a table. */
    static final int CODES = 16;

    private static final int OF_WORD = 8;
    private static final int MASK = CODES - 1;
    private static final int COUNT = CodeLanes.COUNT;

    private static final IntVector SHIFTS = CodeLanes.shifts(4);
    private static final VectorShuffle<Integer> WORDS =
            VectorShuffle.fromOp(INTS, lane -> lane / OF_WORD);

    private static final int[] ALL = IntStream.range(0, CODES).toArray();

    private Nibbles() {}

    /** One code. */
    static int code(int[] words, int position) {
        return words[position >> 3] >>> (4 * (position & 7)) & MASK;
    }

    /** As many as there are lanes, from a position on that begins a word, or half of one. */
    private static IntVector codes(int[] words, int position) {
        IntVector word = IntVector.fromArray(INTS, words, position >> 3).rearrange(WORDS);
        IntVector shifts = COUNT < OF_WORD ? SHIFTS.add(4 * (position & 7)) : SHIFTS;
        return word.lanewise(VectorOperators.LSHR, shifts).and(MASK);
    }

    /** (code − zero) · scale. */
    static void affine(
            int[] words, int from, int to, int zero, float scale, Target target, long at) {
        int first = CodeLanes.aligned(from, to, OF_WORD);
        int last = CodeLanes.whole(first, to);
        for (int p = from; p < first; p++) {
            target.put((code(words, p) - zero) * scale, at, p - from);
        }
        for (int p = first; p < last; p += COUNT) {
            FloatVector code =
                    (FloatVector) codes(words, p).sub(zero).convert(VectorOperators.I2F, 0);
            target.put(code.mul(scale), at, p - from);
        }
        for (int p = last; p < to; p++) {
            target.put((code(words, p) - zero) * scale, at, p - from);
        }
    }

    /** (code − zero) · scale of every code there is, in a table. */
    static void affine(int zero, float scale, float[] table, int at) {
        for (int code = 0; code < CODES; code += COUNT) {
            IntVector codes = IntVector.fromArray(INTS, ALL, code).sub(zero);
            ((FloatVector) codes.convert(VectorOperators.I2F, 0))
                    .mul(scale)
                    .intoArray(table, at + code);
        }
    }

    /** table[code] · scale. */
    static void lookup(
            int[] words, int from, int to, float[] table, float scale, Target target, long at) {
        int first = CodeLanes.aligned(from, to, OF_WORD);
        int last = COUNT < OF_WORD ? first : CodeLanes.whole(first, to);
        for (int p = from; p < first; p++) {
            target.put(table[code(words, p)] * scale, at, p - from);
        }
        if (COUNT >= CODES) {
            IntVector all = entries(table, 0, scale);
            for (int p = first; p < last; p += COUNT) {
                IntVector found = codes(words, p).selectFrom(all);
                target.put(found.reinterpretAsFloats(), at, p - from);
            }
        } else if (COUNT == OF_WORD) {
            IntVector low = entries(table, 0, scale);
            IntVector high = entries(table, OF_WORD, scale);
            for (int p = first; p < last; p += COUNT) {
                IntVector code = codes(words, p);
                IntVector place = code.and(OF_WORD - 1);
                IntVector found =
                        place.selectFrom(low)
                                .blend(
                                        place.selectFrom(high),
                                        code.compare(VectorOperators.GE, OF_WORD));
                target.put(found.reinterpretAsFloats(), at, p - from);
            }
        }
        for (int p = last; p < to; p++) {
            target.put(table[code(words, p)] * scale, at, p - from);
        }
    }

    private static IntVector entries(float[] table, int first, float scale) {
        return FloatVector.fromArray(FLOATS, table, first).mul(scale).reinterpretAsInts();
    }

    /**
     * tables[16 · group + code], each code of a group of its own: what is looked up is all scaled.
     *
     * @param groups those of positions, each times 16
     * @param places scratch memory of as many
     */
    static void lookup(
            int[] words,
            int from,
            int to,
            int[] groups,
            float[] tables,
            int[] places,
            Target target,
            long at) {
        int first = CodeLanes.aligned(from, to, OF_WORD);
        int last = CodeLanes.whole(first, to);
        for (int p = from; p < first; p++) {
            target.put(tables[groups[p - from] + code(words, p)], at, p - from);
        }
        for (int p = first; p < last; p += COUNT) {
            IntVector.fromArray(INTS, groups, p - from)
                    .add(codes(words, p))
                    .intoArray(places, p - from);
        }
        for (int p = first; p < last; p += COUNT) {
            target.put(FloatVector.fromArray(FLOATS, tables, 0, places, p - from), at, p - from);
        }
        for (int p = last; p < to; p++) {
            target.put(tables[groups[p - from] + code(words, p)], at, p - from);
        }
    }
}
