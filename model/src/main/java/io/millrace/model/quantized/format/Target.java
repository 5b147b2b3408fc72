package io.millrace.model.quantized.format;

import io.millrace.memory.BFloat16;
import io.millrace.memory.DType;
import io.millrace.memory.TileReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/**
 * Where kernels put the float32 that they make, a line at a time: in a place, or, where that takes
 * bfloat16, in memory from which the line is rounded into the place. (Rounding each vector as it is
 * made takes a kernel beyond what compilers keep in registers.) For use by one thread.
 */
final class Target {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int ALIGNMENT = 64;

    private MemorySegment place = MemorySegment.NULL;
    private MemorySegment line = MemorySegment.NULL;
    private MemorySegment memory = MemorySegment.NULL;
    private boolean rounds;

    /**
     * Puts what comes in a place.
     *
     * @param columns the most of a line
     * @throws IllegalArgumentException where it takes neither type
     */
    void aim(TileReader.Place to, int columns) {
        if (to.type() != DType.F32 && to.type() != DType.BF16) {
            throw new IllegalArgumentException("tiles are not read as " + to.type());
        }
        place = to.memory();
        rounds = to.type() == DType.BF16;
        if (rounds && line.byteSize() < (long) columns * Float.BYTES) {
            // A reader has no end; what it holds is a line.
            line = Arena.ofAuto().allocate((long) columns * Float.BYTES, ALIGNMENT);
        }
        memory = rounds ? line : place;
    }

    /** Where to put a line's first element, that goes to a byte offset of the place. */
    long begin(long at) {
        return rounds ? 0 : at;
    }

    /** Ends a line of so many elements. */
    void end(long at, int columns) {
        if (rounds) {
            BFloat16.round(line, 0, place, at, columns);
        }
    }

    /** Puts one element, an index behind a byte offset. */
    void put(float value, long at, int index) {
        memory.set(FLOAT, at + (long) index * Float.BYTES, value);
    }

    /** Puts a vector of elements. */
    void put(FloatVector values, long at, int index) {
        values.intoMemorySegment(memory, at + (long) index * Float.BYTES, ByteOrder.LITTLE_ENDIAN);
    }
}
