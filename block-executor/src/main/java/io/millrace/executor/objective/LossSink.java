package io.millrace.executor.objective;

import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.Variants;
import io.millrace.optim.estimate.Query;
import java.util.ArrayList;
import java.util.List;

/** Keeps the loss of every head row of a batch, for every query and scale, in order of row. */
public final class LossSink implements HeadSink {
    private final List<double[][]> losses = new ArrayList<>();
    private int[] filled = new int[0];

    /**
     * Makes ready for one forward; memory is kept from the last where it suffices.
     *
     * @param queries what will be asked
     * @param rowCount head rows of all micro-batches
     */
    public void prepare(List<Query> queries, int rowCount) {
        for (int query = 0; query < queries.size(); query++) {
            int scales = queries.get(query).scales().size();
            if (query == losses.size()) {
                losses.add(new double[scales][rowCount]);
            } else if (losses.get(query).length != scales
                    || losses.get(query)[0].length < rowCount) {
                losses.set(query, new double[scales][rowCount]);
            }
        }
        int cells = 0;
        for (double[][] query : losses) {
            cells += query.length;
        }
        if (filled.length < cells) {
            filled = new int[cells];
        }
        java.util.Arrays.fill(filled, 0);
    }

    @Override
    public boolean wantsLogits() {
        return false;
    }

    @Override
    public Variants logits(int query, int microBatch) {
        throw new IllegalStateException("this sink takes losses");
    }

    @Override
    public void losses(int query, int scale, int microBatch, double[] rows, int count) {
        int cell = cell(query, scale);
        System.arraycopy(rows, 0, losses.get(query)[scale], filled[cell], count);
        filled[cell] += count;
    }

    /** Losses of one query and scale, in order of head row. */
    public double[] of(int query, int scale) {
        return losses.get(query)[scale];
    }

    private int cell(int query, int scale) {
        int cell = scale;
        for (int earlier = 0; earlier < query; earlier++) {
            cell += losses.get(earlier).length;
        }
        return cell;
    }
}
