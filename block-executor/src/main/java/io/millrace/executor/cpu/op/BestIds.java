package io.millrace.executor.cpu.op;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The likeliest ids of rows over a vocabulary that comes in one part or in several, each reduced by
 * {@link Choice}. Of equals, the first id is taken.
 */
public final class BestIds {
    /** The id of a row without a largest logit that is a finite number. */
    public static final int NONE = -1;

    private float[] largest = new float[0];
    private int[] ids = new int[0];

    /** Makes room for rows; what was kept is lost where there was too little. */
    public void reserve(int rows) {
        if (ids.length < rows) {
            largest = new float[rows];
            ids = new int[rows];
        }
    }

    /** Begins anew for rows from one on. */
    public void begin(int first, int rows) {
        Arrays.fill(largest, first, first + rows, Float.NEGATIVE_INFINITY);
        Arrays.fill(ids, first, first + rows, NONE);
    }

    /**
     * Adds a part of the vocabulary.
     *
     * @param partials what {@link Choice#reducePanel} left of all rows and panels
     * @param offset floats before them
     * @param rows how many there are
     * @param panels how many panels the part has
     * @param panelWidth columns of every panel but perhaps the last
     * @param firstId the part's first id
     * @param place where row 0 is kept
     */
    public void add(
            MemorySegment partials,
            long offset,
            int rows,
            int panels,
            int panelWidth,
            int firstId,
            int place) {
        long plane = Loss.paddedRows(rows);
        for (int row = 0; row < rows; row++) {
            int at = place + row;
            for (int panel = 0; panel < panels; panel++) {
                long found = offset + (1 + panel * Loss.PLANES) * plane + row;
                float best = CheckedFloats.get(partials, found);
                if (best > largest[at]) {
                    largest[at] = best;
                    int column = (int) CheckedFloats.get(partials, found + plane);
                    ids[at] = firstId + panel * panelWidth + column;
                }
            }
        }
    }

    /** The choice of a row that is kept at a place, or {@link #NONE}. */
    public int id(int place) {
        return Float.isFinite(largest[place]) ? ids[place] : NONE;
    }
}
