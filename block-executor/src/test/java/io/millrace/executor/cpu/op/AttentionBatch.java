package io.millrace.executor.cpu.op;

import java.util.Arrays;

/**
 * Attention of a packed batch on all workers. One instance serves one caller and is its own task
 * object; a call allocates only when there are more sequences than ever before.
 */
public final class AttentionBatch implements WorkerPool.Task {
    private final CpuWorkers workers;
    private int[] firstItem = new int[1]; // of each sequence, then the total
    private int sequences;
    private int[] starts = firstItem;
    private Attention.Shape shape;
    private HeadRows q;
    private HeadRows k;
    private HeadRows v;
    private HeadRows out;

    /** Attention on these workers. */
    public AttentionBatch(CpuWorkers workers) {
        this.workers = workers;
    }

    /**
     * Computes all heads of all sequences.
     *
     * @param shape heads, scale, window
     * @param q queries, one row a token
     * @param k keys
     * @param v values
     * @param out results; only written
     * @param sequenceStarts the first row of each sequence, and past them the number of rows
     */
    public void apply(
            Attention.Shape shape,
            HeadRows q,
            HeadRows k,
            HeadRows v,
            HeadRows out,
            int[] sequenceStarts) {
        sequences = sequenceStarts.length - 1;
        if (firstItem.length < sequences + 1) {
            firstItem = new int[sequences + 1];
        }
        firstItem[0] = 0;
        for (int s = 0; s < sequences; s++) {
            int count = sequenceStarts[s + 1] - sequenceStarts[s];
            firstItem[s + 1] = firstItem[s] + shape.heads() * Attention.queryTiles(count);
        }
        this.starts = sequenceStarts;
        this.shape = shape;
        this.q = q;
        this.k = k;
        this.v = v;
        this.out = out;
        workers.pool().parallelFor(firstItem[sequences], this);
    }

    /** Computes one work item; called by the workers. */
    @Override
    public void run(int taskIndex, int workerIndex) {
        int sequence = Arrays.binarySearch(firstItem, 0, sequences + 1, taskIndex);
        if (sequence < 0) {
            sequence = -sequence - 2;
        }
        while (firstItem[sequence + 1] == firstItem[sequence]) {
            sequence++; // an empty sequence starts at the same item as the next
        }
        int item = taskIndex - firstItem[sequence];
        int start = starts[sequence];
        int count = starts[sequence + 1] - start;
        // The last tiles see the most keys: first come the long items, so that workers end
        // together.
        int tile = Attention.queryTiles(count) - 1 - item / shape.heads();
        workers.attention(workerIndex)
                .run(shape, q, start, k, v, start, out, 0, count, item % shape.heads(), tile);
    }
}
