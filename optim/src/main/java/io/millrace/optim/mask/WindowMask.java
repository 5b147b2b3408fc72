package io.millrace.optim.mask;

import io.millrace.optim.random.GaussianStream;
import io.millrace.optim.random.StreamIds;

/**
 * The columns of a step's window, of matrices [m, windows · rank] whose columns are those of one
 * window after another. What z has there is the left factor U [m, rank] of LOZO's directions (arXiv
 * 2410.07698), of the same stream as where these run beside weights that are tuned.
 *
 * @param rank columns of a window
 * @param steps of a window
 * @param windows how many there are
 */
public record WindowMask(int rank, int steps, int windows) implements ElementMask {
    /** Columns of a matrix. */
    private int columns() {
        return rank * windows;
    }

    private long firstColumn(long step) {
        return (step - 1) / steps * rank;
    }

    /** Elements of U before an element of the matrix. */
    private long before(long element, long firstColumn) {
        long row = element / columns();
        long column = element % columns() - firstColumn;
        return row * rank + Math.clamp(column, 0, rank);
    }

    @Override
    public void apply(
            long step,
            int tensorId,
            long firstElement,
            float[] p,
            float[] z,
            int offset,
            int count) {
        long first = firstColumn(step);
        for (int i = 0; i < count; i++) {
            if (!isWithin(firstElement + i, first)) {
                z[offset + i] = 0f;
            }
        }
    }

    private boolean isWithin(long element, long firstColumn) {
        long column = element % columns() - firstColumn;
        return column >= 0 && column < rank;
    }

    /** What is masked is never made. */
    @Override
    public void fill(
            Unmasked unmasked,
            long seed,
            long step,
            int tensorId,
            long firstElement,
            float[] p,
            float[] z,
            int offset,
            int count) {
        long first = firstColumn(step);
        long from = before(firstElement, first);
        int left = (int) (before(firstElement + count, first) - from);
        GaussianStream.fill(StreamIds.LOW_RANK_U, seed, tensorId, from, z, offset, left);
        // From the end on: an element lies nowhere before the one of U that it takes.
        for (int i = count - 1; i >= 0; i--) {
            z[offset + i] = isWithin(firstElement + i, first) ? z[offset + --left] : 0f;
        }
    }
}
