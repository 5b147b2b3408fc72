package io.millrace.executor.cpu.param;

import io.millrace.optim.update.Update;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;

/**
 * Makes factors of directions whose queries have both of their own. An instance belongs to one
 * thread; any number may work at once on rows that do not overlap.
 */
public final class PairFactors {
    private static final int TILE = 4096;
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final int rowsAtOnce;
    private final float[] z;
    private final float[] column;
    private float[] lines = {}; // rows of w

    /** For ranks up to one. */
    public PairFactors(int rank) {
        rowsAtOnce = Math.max(1, TILE / rank);
        z = new float[rowsAtOnce * rank];
        column = new float[rowsAtOnce];
    }

    /**
     * Writes rows of a query's right factor, transposed: [r, n].
     *
     * @param matrix which
     * @param seed the query's
     * @param from first row, a column of the matrix
     * @param to row after the last
     * @param out the whole of it
     */
    public void right(PairMatrix matrix, long seed, long from, long to, MemorySegment out) {
        right(matrix, seed, from, to, new Place(out, 0, matrix.columns()));
    }

    /** Where rows of a transposed factor go: the first row's floats, and from column to column. */
    private record Place(MemorySegment out, long first, long stride) {}

    private void right(PairMatrix matrix, long seed, long from, long to, Place place) {
        int rank = matrix.rank();
        for (long row = from; row < to; row += rowsAtOnce) {
            int count = (int) Math.min(rowsAtOnce, to - row);
            matrix.direction()
                    .fillOwnRight(seed, matrix.tensorId(), row * rank, z, 0, count * rank);
            for (int j = 0; j < rank; j++) {
                for (int i = 0; i < count; i++) {
                    column[i] = z[i * rank + j];
                }
                long at = place.first + row + j * place.stride;
                MemorySegment.copy(column, 0, place.out, FLOAT, at * Float.BYTES, count);
            }
        }
    }

    /**
     * Writes the right factors of updates for some columns of the matrix.
     *
     * @param matrix which
     * @param updates all of the terms
     * @param terms where they go
     * @param from first column
     * @param to column after the last
     */
    public void rights(
            PairMatrix matrix, List<Update> updates, PairTerms terms, long from, long to) {
        long line = 0;
        for (Update update : updates) {
            for (Update.Term term : update.terms()) {
                long first = line * terms.stride() - terms.firstColumn();
                right(
                        matrix,
                        term.seed(),
                        from,
                        to,
                        new Place(terms.right(), first, terms.stride()));
                line += matrix.rank();
            }
        }
    }

    /**
     * Writes the left factors of updates for some rows of the matrix: coefficient · A · κ.
     *
     * @param matrix which
     * @param updates all of the terms
     * @param terms where they go
     * @param from first row
     * @param to row after the last
     */
    public void lefts(
            PairMatrix matrix, List<Update> updates, PairTerms terms, long from, long to) {
        int count = terms.count();
        int rows = Math.clamp(TILE / Math.max(1, count), 1, rowsAtOnce);
        if (lines.length < rows * count) {
            lines = new float[rows * count];
        }
        for (long row = from; row < to; row += rows) {
            int many = (int) Math.min(rows, to - row);
            int first = 0;
            for (Update update : updates) {
                for (Update.Term term : update.terms()) {
                    left(matrix, term, row, many, first, count);
                    first += matrix.rank();
                }
            }
            long at = (row - terms.firstRow()) * count * Float.BYTES;
            MemorySegment.copy(lines, 0, terms.left(), FLOAT, at, many * count);
        }
    }

    private void left(
            PairMatrix matrix, Update.Term term, long row, int rows, int first, int stride) {
        int rank = matrix.rank();
        matrix.direction().fillCore(term.seed(), matrix.tensorId(), row * rank, z, 0, rows * rank);
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < rank; j++) {
                float value = Math.fma(term.coefficient(), z[i * rank + j], 0f);
                lines[i * stride + first + j] = value * matrix.scale();
            }
        }
    }
}
