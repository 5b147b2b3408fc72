package io.millrace.executor;

import java.lang.foreign.MemorySegment;

/**
 * A place in off-heap float32 memory.
 *
 * @param segment the memory
 * @param start index of the first element, in elements
 */
record Floats(MemorySegment segment, long start) {
    /** The place a number of elements further on. */
    Floats at(long elements) {
        return new Floats(segment, start + elements);
    }
}
