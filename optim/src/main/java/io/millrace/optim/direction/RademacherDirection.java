package io.millrace.optim.direction;

import io.millrace.optim.random.Philox4x32;
import io.millrace.optim.random.StreamIds;
import java.util.Objects;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Independent signs: +1 where the element's bit of the stream is set, else −1. One Philox block
 * serves 128 elements, so a scalar generator keeps up with the vector stores behind it.
 */
public final class RademacherDirection implements DenseDirection {
    /** The name on the command line and in the journal. */
    public static final String NAME = "rademacher";

    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int WORD_BITS = 32;
    private static final int MINUS_ONE_BITS = 0xBF800000;

    // A left shift by it brings bit i of a word to the sign of lane i.
    private static final IntVector BIT_TO_SIGN =
            IntVector.broadcast(INTS, WORD_BITS - 1).sub(IntVector.zero(INTS).addIndex(1));

    /** The direction; it holds no state. */
    public RademacherDirection() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public void fill(long seed, int tensorId, long firstElement, float[] z, int offset, int count) {
        Objects.checkFromIndexSize(offset, count, z.length);
        int end = offset + count;
        long block = firstElement >>> 7;
        for (int at = offset - (int) (firstElement & 127); at < end; at += 128, block++) {
            long front = Philox4x32.pair(seed, block, tensorId, StreamIds.DENSE_Z, 0);
            long back = Philox4x32.pair(seed, block, tensorId, StreamIds.DENSE_Z, 1);
            expand((int) front, z, at, offset, end);
            expand((int) (front >>> 32), z, at + WORD_BITS, offset, end);
            expand((int) back, z, at + 2 * WORD_BITS, offset, end);
            expand((int) (back >>> 32), z, at + 3 * WORD_BITS, offset, end);
        }
    }

    /** Writes the signs of one word to the indices from {@code at} on that lie in [start, end). */
    private static void expand(int word, float[] z, int at, int start, int end) {
        if (at >= start && at <= end - WORD_BITS) {
            for (int lane = 0; lane < WORD_BITS; lane += INTS.length()) {
                signs(word >>> lane).intoArray(z, at + lane);
            }
            return;
        }
        int last = Math.min(end, at + WORD_BITS);
        for (int i = Math.max(start, at); i < last; i++) {
            z[i] = ((word >>> (i - at)) & 1) != 0 ? 1f : -1f;
        }
    }

    private static FloatVector signs(int bits) {
        return IntVector.broadcast(INTS, bits)
                .lanewise(VectorOperators.LSHL, BIT_TO_SIGN)
                .and(Integer.MIN_VALUE)
                .lanewise(VectorOperators.XOR, MINUS_ONE_BITS)
                .reinterpretAsFloats();
    }
}
