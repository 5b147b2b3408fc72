package io.millrace.executor.step;

/** Where a forward's answers go. */
public interface HeadSink {
    /** Whether the sink wants whole rows of logits; else it gets losses. */
    boolean wantsLogits();

    /**
     * Where a micro-batch's logits go: [head rows, vocabulary], for every scale of a query.
     *
     * @param query index of the query
     * @param microBatch index of the micro-batch
     */
    Variants logits(int query, int microBatch);

    /**
     * A micro-batch's losses.
     *
     * @param query index of the query
     * @param scale index of the scale
     * @param microBatch index of the micro-batch
     * @param losses cross-entropy of each head row, in order; valid during the call
     * @param count how many
     */
    void losses(int query, int scale, int microBatch, double[] losses, int count);
}
