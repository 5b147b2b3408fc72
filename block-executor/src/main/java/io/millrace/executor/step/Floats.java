package io.millrace.executor.step;

import io.millrace.memory.DType;
import java.lang.foreign.MemorySegment;

/**
 * A place in off-heap memory of floating-point numbers.
 *
 * @param segment the memory
 * @param start index of the first element, in elements
 * @param type what they are: F32, or BF16 where only products read them
 */
public record Floats(MemorySegment segment, long start, DType type) {
    /** A place of float32. */
    public Floats(MemorySegment segment, long start) {
        this(segment, start, DType.F32);
    }

    /** The place a number of elements further on. */
    public Floats at(long elements) {
        return new Floats(segment, start + elements, type);
    }
}
