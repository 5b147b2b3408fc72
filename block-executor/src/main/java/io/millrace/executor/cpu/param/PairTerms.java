package io.millrace.executor.cpu.param;

import io.millrace.optim.update.Update;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The thin factors of some updates of one matrix, side by side: {@code Σ w_t b_t} over all columns
 * t of all their terms, in order. They may be there for a rectangle of the matrix alone. Memory in
 * floats.
 *
 * @param count columns t: r for each term
 * @param left w, row-major [rows, count]
 * @param firstRow row of the matrix that the first of them is for
 * @param right b, [count, stride]
 * @param firstColumn column of the matrix that the first of a row of b is for
 * @param stride floats from one b to the next
 */
public record PairTerms(
        int count,
        MemorySegment left,
        long firstRow,
        MemorySegment right,
        long firstColumn,
        long stride) {
    /** How many columns the updates of a matrix have. */
    public static int count(List<Update> updates, int rank) {
        int terms = 0;
        for (Update update : updates) {
            terms = Math.addExact(terms, update.terms().size());
        }
        return Math.multiplyExact(terms, rank);
    }
}
