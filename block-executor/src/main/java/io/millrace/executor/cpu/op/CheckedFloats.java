package io.millrace.executor.cpu.op;

import io.millrace.memory.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Checked addresses of floats: native code would take a wrong one at its word. */
public final class CheckedFloats {
    private CheckedFloats() {}

    /**
     * Address of the first float of a matrix, after its whole extent is found inside the segment.
     *
     * @param offset floats before the matrix
     * @param stride floats from a row to the next
     */
    static long address(MemorySegment segment, long offset, long rows, long columns, long stride) {
        return address(DType.F32, segment, offset, rows, columns, stride);
    }

    /** The same of elements of a type, which offset and stride count. */
    static long address(
            DType type, MemorySegment segment, long offset, long rows, long columns, long stride) {
        checkMatrix(type, segment, offset, rows, columns, stride);
        return segment.address() + offset * type.sizeBytes();
    }

    static void checkMatrix(
            MemorySegment segment, long offset, long rows, long columns, long stride) {
        checkMatrix(DType.F32, segment, offset, rows, columns, stride);
    }

    private static void checkMatrix(
            DType type, MemorySegment segment, long offset, long rows, long columns, long stride) {
        long end = rows == 0 ? offset : offset + (rows - 1) * stride + columns;
        if (offset < 0
                || rows < 0
                || columns < 0
                || (stride < columns && rows > 1)
                || end > segment.byteSize() / type.sizeBytes()) {
            throw new IndexOutOfBoundsException(
                    "matrix of "
                            + rows
                            + " x "
                            + columns
                            + " elements, stride "
                            + stride
                            + ", at element "
                            + offset
                            + " is not inside a segment of "
                            + segment.byteSize() / type.sizeBytes()
                            + " of "
                            + type.torchName());
        }
    }

    /** One float, index counting them. */
    public static float get(MemorySegment segment, long index) {
        return segment.get(ValueLayout.JAVA_FLOAT, index * Float.BYTES);
    }

    /** Writes one. */
    public static void set(MemorySegment segment, long index, float value) {
        segment.set(ValueLayout.JAVA_FLOAT, index * Float.BYTES, value);
    }
}
