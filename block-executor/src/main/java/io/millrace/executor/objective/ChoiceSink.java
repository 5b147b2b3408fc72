package io.millrace.executor.objective;

import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.Variants;
import java.util.Arrays;

/** Keeps the likeliest id of every head row, for queries of one scale, in order of row. */
final class ChoiceSink implements HeadSink {
    private int[][] ids = new int[0][];
    private int[] filled = new int[0];

    /**
     * Makes ready for one forward; memory is kept from the last where it suffices.
     *
     * @param queries how many will be asked
     * @param rows the most head rows of one
     */
    void prepare(int queries, int rows) {
        if (ids.length < queries || (queries > 0 && ids[0].length < rows)) {
            ids = new int[queries][rows];
            filled = new int[queries];
        }
        Arrays.fill(filled, 0);
    }

    @Override
    public boolean wantsLogits() {
        return false;
    }

    @Override
    public boolean wantsChoices() {
        return true;
    }

    @Override
    public Variants logits(int query, int microBatch) {
        throw new IllegalStateException("this sink takes choices");
    }

    @Override
    public void losses(int query, int scale, int microBatch, double[] losses, int count) {
        throw new IllegalStateException("this sink takes choices");
    }

    @Override
    public void choices(int query, int scale, int microBatch, int[] rows, int count) {
        System.arraycopy(rows, 0, ids[query], filled[query], count);
        filled[query] += count;
    }

    /** The choice of a head row of a query. */
    int of(int query, int row) {
        return ids[query][row];
    }
}
