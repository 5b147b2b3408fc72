package io.millrace.memory.device;

import java.lang.foreign.MemorySegment;

/** The copy of one memory to another. */
final class Copies {
    private Copies() {}

    /** Copies all of one segment over another; nothing where they are the same memory. */
    static void copy(MemorySegment source, MemorySegment target) {
        if (source.address() != target.address() || !source.isNative() || !target.isNative()) {
            target.copyFrom(source);
        }
    }
}
