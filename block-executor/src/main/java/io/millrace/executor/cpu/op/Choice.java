package io.millrace.executor.cpu.op;

import java.lang.foreign.MemorySegment;

/**
 * The likeliest id of each row over a vocabulary seen in panels, without the full logits. What
 * remains of a panel lies as {@link Loss} has it, in two planes of a float for each row: its
 * largest logit and the column of that, which a float holds exactly. {@link BestIds} joins them.
 */
public final class Choice {
    private Choice() {}

    /**
     * Finds the best of one panel of logits, which it leaves changed when there is a softcap.
     *
     * @param logits rows of logits
     * @param logitsOffset floats before the first row
     * @param firstRow number of the first row among all
     * @param rows rows here
     * @param width columns here, at least 1 and below 2²⁴; a row follows the other
     * @param softcap c in {@code c · tanh(x / c)}, 0 for none
     * @param partials where {@link Loss#partialFloats} of all rows and panels are kept
     * @param partialsOffset floats before them
     * @param panel which panel this is
     * @param allRows how many rows there are
     */
    public static void reducePanel(
            MemorySegment logits,
            long logitsOffset,
            int firstRow,
            int rows,
            int width,
            float softcap,
            MemorySegment partials,
            long partialsOffset,
            int panel,
            int allRows) {
        long plane = Loss.paddedRows(allRows);
        long to = partialsOffset + (1 + panel * Loss.PLANES) * plane + firstRow;
        for (int r = 0; r < rows; r++) {
            long at = logitsOffset + (long) r * width;
            if (softcap != 0) {
                Activations.softcap(softcap, logits, at, logits, at, width);
            }
            float largest = Loss.largest(logits, at, width);
            int column = 0;
            while (column < width - 1 && CheckedFloats.get(logits, at + column) != largest) {
                column++;
            }
            CheckedFloats.set(partials, to + r, largest);
            CheckedFloats.set(partials, to + plane + r, column);
        }
    }
}
