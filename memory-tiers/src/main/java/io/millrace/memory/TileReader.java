package io.millrace.memory;

import java.lang.foreign.MemorySegment;

/** Makes float32 of the parts of a packed matrix. For use by one thread. */
@FunctionalInterface
public interface TileReader {
    /** The most elements that a tile may have where it is asked for often; more go as well. */
    int ELEMENTS = 4096;

    /**
     * Reads a rectangle, row by row without gaps.
     *
     * @param bytes the parts, one after another
     * @param offset byte offset of the first part, of any alignment
     * @param row the first row
     * @param rows how many
     * @param column the first column
     * @param columns how many
     * @param values receives {@code rows} · {@code columns} elements from index {@code start}
     * @param start first index written
     */
    void tile(
            MemorySegment bytes,
            long offset,
            int row,
            int rows,
            int column,
            int columns,
            float[] values,
            int start);
}
