package io.millrace.memory;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * How one matrix is stored that a file spreads over several arrays. A value of this type knows the
 * extents of its matrix; two of equal extents and settings are equal. In a block, as wherever the
 * matrix is handed on, the parts follow one another without gaps, in the order of {@link #parts}.
 */
public interface PackedFormat extends TensorFormat {
    /** Rows of the matrix, its outputs. */
    int rows();

    /** Columns of the matrix, its inputs. */
    int columns();

    /** The arrays, in the order in which they lie. */
    List<TensorPart> parts();

    /** What reads tiles, with scratch memory of its own: for one thread. */
    TileReader reader();

    /**
     * Whether its tiles can be read {@link TileReader#turned}: where neighbours in memory are
     * elements of one column, and to lay them row by row would take longer than to multiply with
     * them as they lie.
     */
    default boolean turns() {
        return false;
    }

    /** Byte offset of a part from the first. */
    default long partOffset(int part) {
        long offset = 0;
        for (int before = 0; before < part; before++) {
            offset += parts().get(before).sizeBytes();
        }
        return offset;
    }

    @Override
    default long bytes(List<Long> shape) {
        if (!shape.equals(List.of((long) rows(), (long) columns()))) {
            throw new IllegalArgumentException(
                    shape + " where " + rows() + " by " + columns() + " are stored");
        }
        return partOffset(parts().size());
    }

    @Override
    default void load(
            MemorySegment bytes, long offset, long first, float[] values, int start, int count) {
        TileReader reader = reader();
        int done = 0;
        while (done < count) {
            int row = (int) ((first + done) / columns());
            int column = (int) ((first + done) % columns());
            int left = count - done;
            if (column == 0 && left >= columns()) {
                int rows = left / columns();
                TileReader.Area area = new TileReader.Area(row, rows, 0, columns());
                reader.tile(bytes, offset, area, values, start + done);
                done += rows * columns();
            } else {
                int part = Math.min(left, columns() - column);
                TileReader.Area area = new TileReader.Area(row, 1, column, part);
                reader.tile(bytes, offset, area, values, start + done);
                done += part;
            }
        }
    }
}
