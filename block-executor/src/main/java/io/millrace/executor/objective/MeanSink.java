package io.millrace.executor.objective;

import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.Variants;
import io.millrace.optim.estimate.Query;
import java.util.List;

/**
 * Adds up the losses of a batch's head rows, for every query and scale: those of a micro-batch in
 * order of row, and then the sums in order of micro-batch, so that a sum may come from elsewhere.
 */
public final class MeanSink implements HeadSink {
    private double[][] sums = new double[0][]; // [query, scale]
    private long[][] counts = new long[0][];

    /** Makes ready for one forward. */
    public void prepare(List<Query> queries) {
        sums = new double[queries.size()][];
        counts = new long[queries.size()][];
        for (int query = 0; query < sums.length; query++) {
            int scales = queries.get(query).scales().size();
            sums[query] = new double[scales];
            counts[query] = new long[scales];
        }
    }

    @Override
    public boolean wantsLogits() {
        return false;
    }

    @Override
    public boolean wantsSums() {
        return true;
    }

    @Override
    public Variants logits(int query, int microBatch) {
        throw new IllegalStateException("this sink takes losses");
    }

    @Override
    public void losses(int query, int scale, int microBatch, double[] losses, int count) {
        double sum = 0;
        for (int row = 0; row < count; row++) {
            sum += losses[row];
        }
        sum(query, scale, microBatch, sum, count);
    }

    @Override
    public void sum(int query, int scale, int microBatch, double sum, int count) {
        sums[query][scale] += sum;
        counts[query][scale] += count;
    }

    /** Mean over the head rows. */
    public double mean(int query, int scale) {
        return sums[query][scale] / counts[query][scale];
    }
}
