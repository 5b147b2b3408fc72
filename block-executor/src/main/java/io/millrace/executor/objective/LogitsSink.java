package io.millrace.executor.objective;

import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.Variants;

/** Takes the logits of one scale into memory that its owner gives, a micro-batch after another. */
public final class LogitsSink implements HeadSink {
    private final Variants logits;
    private final int[] firstRows;

    /**
     * A sink.
     *
     * @param logits [head rows of all micro-batches, vocabulary]
     * @param firstRows the first row of each micro-batch
     */
    public LogitsSink(Variants logits, int... firstRows) {
        this.logits = logits;
        this.firstRows = firstRows;
    }

    @Override
    public boolean wantsLogits() {
        return true;
    }

    @Override
    public Variants logits(int query, int microBatch) {
        return new Variants(
                logits.base().at(firstRows[microBatch] * logits.rowStride()),
                0,
                logits.rowStride());
    }

    @Override
    public void losses(int query, int scale, int microBatch, double[] losses, int count) {
        throw new IllegalStateException("this sink takes logits");
    }
}
