package io.millrace.model.quantized.format;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vectors that codes are read with. Codes lie in words of 32 bits, the first in the lowest
 * bits; position p is a code of word p · bits / 32.
 */
final class CodeLanes {
    static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    /** Codes that a vector takes. */
    static final int COUNT = INTS.length();

    /** Words that may be read beyond the last one. */
    static final int PADDING = COUNT;

    private CodeLanes() {}

    /** How far each lane's code has to be shifted down, if lane 0 has a word's first. */
    static IntVector shifts(int bits) {
        int[] shifts = new int[COUNT];
        for (int lane = 0; lane < COUNT; lane++) {
            shifts[lane] = lane * bits % Integer.SIZE;
        }
        return IntVector.fromArray(INTS, shifts, 0);
    }

    /** The first position from one on that begins a word, or the end of all. */
    static int aligned(int from, int to, int ofWord) {
        return Math.min(to, (from + ofWord - 1) / ofWord * ofWord);
    }

    /** The end of as many whole vectors as there are between two positions. */
    static int whole(int from, int to) {
        return from + (to - from) / COUNT * COUNT;
    }

    /** So many, and what lacks to whole vectors. */
    static int padded(int count) {
        return (count + COUNT - 1) / COUNT * COUNT;
    }
}
