package io.millrace.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Makes numbers of the parts of a packed matrix. For use by one thread. */
@FunctionalInterface
public interface TileReader {
    /** Rows that are read {@link #turned} at once, and the multiple from which they begin. */
    int TURNED_ROWS = 16;

    /** Columns of which as many as this, or a multiple, are read {@link #turned}. */
    int TURNED_COLUMNS = 8;

    /**
     * A rectangle of a matrix.
     *
     * @param row the first row
     * @param rows how many
     * @param column the first column
     * @param columns how many
     */
    record Area(int row, int rows, int column, int columns) {}

    /**
     * Where a rectangle goes, row by row.
     *
     * @param memory native memory; memory of the heap goes as well, and slows all down
     * @param offset byte offset of the first element
     * @param stride elements from one row to the next
     * @param type F32; or BF16, for the float32 rounded to nearest even
     */
    record Place(MemorySegment memory, long offset, long stride, DType type) {
        /** Byte offset of an element. */
        public long at(int row, int column) {
            return offset + (row * stride + column) * type.sizeBytes();
        }
    }

    /**
     * Reads a rectangle; the larger, the faster.
     *
     * @param bytes the parts, one after another
     * @param offset byte offset of the first part, of any alignment
     * @param area what to read
     * @param place where it goes
     */
    void tile(MemorySegment bytes, long offset, Area area, Place place);

    /**
     * Reads a rectangle column by column: as float32 [columns, rows], as bfloat16 in pairs of
     * columns [columns / 2, rows, 2], which is how processors multiply them.
     *
     * @param bytes the parts, one after another
     * @param offset byte offset of the first part, of any alignment
     * @param area what to read: rows from a multiple of {@link #TURNED_ROWS} on and as many of
     *     them, columns from a multiple of {@link #TURNED_COLUMNS} on and as many of them
     * @param place where it goes, without gaps
     * @throws UnsupportedOperationException unless {@link PackedFormat#turns}
     */
    default void turned(MemorySegment bytes, long offset, Area area, Place place) {
        throw new UnsupportedOperationException("tiles of " + this + " are read row by row");
    }

    /**
     * Reads a rectangle into an array, by way of native memory.
     *
     * @param bytes the parts, one after another
     * @param offset byte offset of the first part, of any alignment
     * @param area what to read
     * @param values receives the elements, row by row without gaps, from index {@code start}
     * @param start first index written
     */
    default void tile(MemorySegment bytes, long offset, Area area, float[] values, int start) {
        int count = area.rows * area.columns;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment made = arena.allocate((long) count * Float.BYTES, Float.BYTES);
            tile(bytes, offset, area, new Place(made, 0, area.columns, DType.F32));
            MemorySegment.copy(made, ValueLayout.JAVA_FLOAT, 0, values, start, count);
        }
    }
}
