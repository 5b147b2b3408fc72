package io.millrace.model.adapter.peft;

import io.millrace.model.file.TensorInfo;
import java.util.Arrays;

/**
 * scale · B A of one module, as the checkpoint stores its matrix: added to any range of that
 * matrix's elements. An element's sum goes over the rank in order, in double, whatever the range;
 * what is held of the factors does not grow with the matrix. For use by one thread.
 */
final class FactorProduct {
    /** 32 MB: all of A of any layer at the ranks in use, else as many columns as that is. */
    private static final int MOST_RIGHT = 4 << 20;

    private static final int MOST_LEFT = 1 << 18;

    private final LoraAdapter adapter;
    private final AdapterPart part;
    private final int rank;
    private final int columns;
    private final int tile;
    private final int leftRows;
    private final double[] right;
    private final double[] left;
    private final double[] sums;
    private float[] read = new float[0];
    private int heldFrom = -1;

    FactorProduct(LoraAdapter adapter, AdapterPart part) {
        this(adapter, part, MOST_RIGHT, MOST_LEFT);
    }

    /** The same, holding so many elements of the factors. */
    FactorProduct(LoraAdapter adapter, AdapterPart part, int mostRight, int mostLeft) {
        this.adapter = adapter;
        this.part = part;
        rank = part.part().rank();
        columns = Math.toIntExact(part.part().columns());
        tile = Math.clamp(mostRight / rank, 1, columns);
        leftRows = (int) Math.clamp(mostLeft / rank, 1, part.part().rows());
        right = new double[Math.multiplyExact(tile, rank)];
        left = new double[Math.multiplyExact(leftRows, rank)];
        sums = new double[tile];
    }

    /**
     * Adds to elements of the matrix.
     *
     * @param values the elements, changed in place, each rounded once to float32
     * @param first the first one's index in the matrix, row by row
     * @param count how many
     */
    void addTo(float[] values, long first, int count) {
        long firstRow = first / columns;
        long endRow = Math.ceilDiv(first + count, (long) columns);
        for (int from = 0; from < columns; from += tile) {
            int width = Math.min(tile, columns - from);
            hold(from, width);
            for (long row = firstRow; row < endRow; row += leftRows) {
                int rows = (int) Math.min(leftRows, endRow - row);
                loadLeft(row, rows);
                for (int i = 0; i < rows; i++) {
                    long begin = (row + i) * columns + from;
                    long start = Math.max(first, begin);
                    long end = Math.min(first + count, begin + width);
                    if (start < end) {
                        addRow(
                                i,
                                width,
                                (int) (start - begin),
                                values,
                                (int) (start - first),
                                (int) (end - start));
                    }
                }
            }
        }
    }

    private void addRow(int row, int width, int column, float[] values, int at, int count) {
        Arrays.fill(sums, 0, count, 0);
        for (int k = 0; k < rank; k++) {
            double factor = left[row * rank + k];
            int from = k * width + column;
            for (int j = 0; j < count; j++) {
                sums[j] += factor * right[from + j];
            }
        }
        for (int j = 0; j < count; j++) {
            values[at + j] = (float) (values[at + j] + part.scale() * sums[j]);
        }
    }

    private void hold(int from, int width) {
        if (heldFrom != from) {
            if (part.part().isTransposed()) {
                loadRows(part.second(), from, width, right, 1, width);
            } else {
                loadColumns(part.first(), part.part().columns(), from, width, right, width, 1);
            }
            heldFrom = from;
        }
    }

    private void loadLeft(long row, int rows) {
        if (part.part().isTransposed()) {
            loadColumns(part.first(), part.part().rows(), row, rows, left, 1, rank);
        } else {
            loadRows(part.second(), row, rows, left, rank, 1);
        }
    }

    /** Rows of B: element (i, k) goes to {@code i · rowStep + k · rankStep}. */
    private void loadRows(
            TensorInfo factor, long row, int rows, double[] into, int rowStep, int rankStep) {
        float[] values = read(factor, row * rank, rows * rank);
        for (int i = 0; i < rows; i++) {
            for (int k = 0; k < rank; k++) {
                into[i * rowStep + k * rankStep] = values[i * rank + k];
            }
        }
    }

    /** Columns of A, which has {@code width}: (k, i) goes to {@code k · rankStep + i · step}. */
    private void loadColumns(
            TensorInfo factor,
            long width,
            long column,
            int count,
            double[] into,
            int rankStep,
            int step) {
        for (int k = 0; k < rank; k++) {
            float[] values = read(factor, k * width + column, count);
            for (int i = 0; i < count; i++) {
                into[k * rankStep + i * step] = values[i];
            }
        }
    }

    private float[] read(TensorInfo factor, long first, int count) {
        if (read.length < count) {
            read = new float[count];
        }
        adapter.read(factor, first, read, 0, count);
        return read;
    }
}
