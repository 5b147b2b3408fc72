package io.millrace.executor.cpu.op;

import java.lang.foreign.MemorySegment;

/**
 * Where the heads of tokens lie: head h of row t starts at {@code offset + t · rowStride + h ·
 * headStride}, counted in floats.
 *
 * @param segment the memory
 * @param offset floats before head 0 of row 0
 * @param rowStride floats from a token to the next
 * @param headStride floats from a head to the next
 */
public record HeadRows(MemorySegment segment, long offset, long rowStride, long headStride) {
    /** Index of the first float of a head. */
    public long at(long row, long head) {
        return offset + row * rowStride + head * headStride;
    }
}
