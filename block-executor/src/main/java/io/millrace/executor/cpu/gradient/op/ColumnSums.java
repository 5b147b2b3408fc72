package io.millrace.executor.cpu.gradient.op;

import io.millrace.executor.cpu.op.Rows;
import java.lang.foreign.MemorySegment;

/** The gradient of a summand that all rows have: the sums of their gradients' columns. */
public final class ColumnSums {
    private ColumnSums() {}

    /**
     * {@code out[c] += Σ in[row, c]}, row by row in order. Workers share columns: a column's sum
     * does not depend on which others are computed with it.
     *
     * @param in [rows, width]
     * @param inOffset floats before row 0
     * @param inStride floats from a row to the next
     * @param rows how many
     * @param from the first column
     * @param to past the last column
     * @param out [width]
     * @param outOffset floats before column 0
     */
    public static void add(
            MemorySegment in,
            long inOffset,
            long inStride,
            long rows,
            long from,
            long to,
            MemorySegment out,
            long outOffset) {
        for (long row = 0; row < rows; row++) {
            Rows.add(in, inOffset + row * inStride + from, out, outOffset + from, to - from);
        }
    }
}
