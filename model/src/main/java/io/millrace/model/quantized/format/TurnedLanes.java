package io.millrace.model.quantized.format;

import static io.millrace.model.quantized.format.CodeLanes.FLOATS;
import static io.millrace.model.quantized.format.CodeLanes.INTS;

import io.millrace.memory.DType;
import io.millrace.memory.TileReader;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Numbers of codes that lie in memory row beside row: a vector has one column of as many rows, each
 * with a zero point and a scale of its own. They go where {@link TileReader#turned} says.
 */
final class TurnedLanes {
    private static final int HALF = 16; // bits of a bfloat16
    private static final int BELOW_HALF = 0x7fff;

    private TurnedLanes() {}

    /** Loads words. */
    static IntVector words(MemorySegment bytes, long at) {
        return IntVector.fromMemorySegment(INTS, bytes, at, ByteOrder.LITTLE_ENDIAN);
    }

    /** The codes of all words that are shifted so far. */
    static IntVector codes(IntVector words, int shift, int bits) {
        return words.lanewise(VectorOperators.LSHR, shift).and((1 << bits) - 1);
    }

    /** (code − zero) · scale, of rows whose zero points and scales begin at a position. */
    static FloatVector numbers(IntVector codes, int[] zeros, float[] scales, int its) {
        return numbers(
                codes,
                IntVector.fromArray(INTS, zeros, its),
                FloatVector.fromArray(FLOATS, scales, its));
    }

    /** (code − zero) · scale. */
    static FloatVector numbers(IntVector codes, IntVector zeros, FloatVector scales) {
        return ((FloatVector) codes.sub(zeros).convert(VectorOperators.I2F, 0)).mul(scales);
    }

    /** Bytes that so many rows of one column take, or of a pair of them in bfloat16. */
    static long line(int rows) {
        return (long) rows * Float.BYTES;
    }

    /** Columns of a line. */
    static int columns(DType type) {
        return type == DType.BF16 ? 2 : 1;
    }

    /** Puts a column's numbers as they are. */
    static void put(FloatVector numbers, MemorySegment to, long at) {
        numbers.intoMemorySegment(to, at, ByteOrder.LITTLE_ENDIAN);
    }

    /** Puts those of a column and of the next one as pairs of bfloat16. */
    static void put(FloatVector numbers, FloatVector next, MemorySegment to, long at) {
        rounded(numbers)
                .lanewise(VectorOperators.LSHR, HALF)
                .or(rounded(next).and(-1 << HALF))
                .intoMemorySegment(to, at, ByteOrder.LITTLE_ENDIAN);
    }

    /** To nearest even, in the upper half; scales are finite, and so nothing is a NaN. */
    private static IntVector rounded(FloatVector numbers) {
        IntVector bits = numbers.reinterpretAsInts();
        return bits.add(bits.lanewise(VectorOperators.LSHR, HALF).and(1)).add(BELOW_HALF);
    }
}
