package io.millrace.executor.step;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The same matrix for every scale of a query, one after another.
 *
 * @param base where the matrix of the first scale begins
 * @param stride elements from one scale's matrix to the next
 * @param rowStride elements from one row to the next
 */
public record Variants(Floats base, long stride, long rowStride) {
    /** Where a scale's matrix begins. */
    public Floats of(int scale) {
        return base.at(scale * stride);
    }

    /** The same rows from a column on. */
    public Variants column(int column) {
        return new Variants(base.at(column), stride, rowStride);
    }

    /**
     * Copies float32 rows of the first scale's matrix, one behind another.
     *
     * @param from the first row
     * @param count how many
     * @param width elements of a row
     */
    public void copyRows(int from, int count, int width, float[] to) {
        for (int row = 0; row < count; row++) {
            Floats place = of(0).at((from + row) * rowStride);
            MemorySegment.copy(
                    place.segment(),
                    ValueLayout.JAVA_FLOAT,
                    place.start() * Float.BYTES,
                    to,
                    row * width,
                    width);
        }
    }
}
