package io.millrace.model.adapter;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * A thin factor: float32 numbers, one row after another, with more rows than columns as a rule.
 * Whoever gave the memory owns it.
 *
 * @param floats at least {@code rows · columns} of them
 * @param rows how many rows
 * @param columns elements of a row
 */
public record TallMatrix(MemorySegment floats, long rows, int columns) {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Checks the size. */
    public TallMatrix {
        if (floats.byteSize() < rows * columns * Float.BYTES) {
            throw new IllegalArgumentException(
                    floats.byteSize() + " bytes for " + rows + " x " + columns);
        }
    }

    /** One element. */
    public float get(long row, int column) {
        return floats.get(FLOAT, (row * columns + column) * Float.BYTES);
    }

    /** Sets one element. */
    public void set(long row, int column, float value) {
        floats.set(FLOAT, (row * columns + column) * Float.BYTES, value);
    }

    /** Sets some elements of a row. */
    public void set(long row, int column, float[] values, int offset, int count) {
        MemorySegment.copy(
                values, offset, floats, FLOAT, (row * columns + column) * Float.BYTES, count);
    }

    /** All of its bytes. */
    MemorySegment bytes() {
        return floats.asSlice(0, rows * columns * Float.BYTES);
    }

    /** Writes some columns of some rows, one column after another. */
    void transpose(long row, int count, int column, int width, MemorySegment out) {
        for (int j = 0; j < width; j++) {
            for (int i = 0; i < count; i++) {
                out.set(FLOAT, ((long) j * count + i) * Float.BYTES, get(row + i, column + j));
            }
        }
    }

    /**
     * The product with a small matrix, made in double and rounded once. It takes the memory of this
     * one, which is gone then.
     *
     * @param mix columns of the small matrix, no more than this one has
     */
    TallMatrix times(double[][] mix) {
        double[] row = new double[columns];
        TallMatrix product = new TallMatrix(floats, rows, mix.length);
        for (long i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                row[j] = get(i, j);
            }
            // A shorter row ends before the next one that is still to be read.
            for (int j = 0; j < mix.length; j++) {
                product.set(i, j, (float) Columns.dot(row, mix[j], columns));
            }
        }
        return product;
    }
}
