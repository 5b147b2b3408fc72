package io.millrace.executor;

import io.millrace.memory.DType;
import java.lang.foreign.MemorySegment;

/**
 * A place in off-heap memory of floating-point numbers.
 *
 * @param segment the memory
 * @param start index of the first element, in elements
 * @param type what they are: F32, or BF16 where only products read them
 */
record Floats(MemorySegment segment, long start, DType type) {
    /** A place of float32. */
    Floats(MemorySegment segment, long start) {
        this(segment, start, DType.F32);
    }

    /** The place a number of elements further on. */
    Floats at(long elements) {
        return new Floats(segment, start + elements, type);
    }
}
