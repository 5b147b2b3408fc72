package io.millrace.executor.cpu.op;

import java.lang.foreign.MemorySegment;

/**
 * The likeliest id of each row over a vocabulary seen in panels, without the full logits. What
 * remains of a panel lies as {@link Loss} has it, in two planes of a float for each row: its
 * largest logit and the column of that, which a float holds exactly. Of equals, the first id is
 * taken.
 */
public final class Choice {
    /** The id of a row without a largest logit that is a finite number. */
    public static final int NONE = -1;

    private static final long PLANES = 2; // of a panel

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
        long to = partialsOffset + (1 + panel * PLANES) * plane + firstRow;
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

    /**
     * The choice of one row.
     *
     * @param partials of all rows and panels
     * @param partialsOffset floats before them
     * @param row which
     * @param allRows how many rows there are
     * @param panels how many panels there are
     * @param panelWidth columns of every panel but perhaps the last
     * @return an id, or {@link #NONE}
     */
    public static int of(
            MemorySegment partials,
            long partialsOffset,
            int row,
            int allRows,
            int panels,
            int panelWidth) {
        long plane = Loss.paddedRows(allRows);
        float best = Float.NEGATIVE_INFINITY;
        int id = NONE;
        for (int panel = 0; panel < panels; panel++) {
            long at = partialsOffset + (1 + panel * PLANES) * plane + row;
            float largest = CheckedFloats.get(partials, at);
            if (largest > best) {
                best = largest;
                id = panel * panelWidth + (int) CheckedFloats.get(partials, at + plane);
            }
        }
        return Float.isFinite(best) ? id : NONE;
    }
}
