package io.millrace.executor.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Checked addresses of floats: native code would take a wrong one at its word. */
final class Floats {
    private Floats() {}

    /**
     * Address of the first float of a matrix, after its whole extent is found inside the segment.
     *
     * @param offset floats before the matrix
     * @param stride floats from a row to the next
     */
    static long address(MemorySegment segment, long offset, long rows, long columns, long stride) {
        checkMatrix(segment, offset, rows, columns, stride);
        return segment.address() + offset * Float.BYTES;
    }

    static void checkMatrix(
            MemorySegment segment, long offset, long rows, long columns, long stride) {
        long end = rows == 0 ? offset : offset + (rows - 1) * stride + columns;
        if (offset < 0
                || rows < 0
                || columns < 0
                || (stride < columns && rows > 1)
                || end > segment.byteSize() / Float.BYTES) {
            throw new IndexOutOfBoundsException(
                    "matrix of "
                            + rows
                            + " x "
                            + columns
                            + " floats, stride "
                            + stride
                            + ", at float "
                            + offset
                            + " is not inside a segment of "
                            + segment.byteSize() / Float.BYTES
                            + " floats");
        }
    }

    static float get(MemorySegment segment, long index) {
        return segment.get(ValueLayout.JAVA_FLOAT, index * Float.BYTES);
    }

    static void set(MemorySegment segment, long index, float value) {
        segment.set(ValueLayout.JAVA_FLOAT, index * Float.BYTES, value);
    }
}
