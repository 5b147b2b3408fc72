package io.millrace.executor.spread;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.optim.estimate.Query;
import java.util.ArrayList;
import java.util.List;

/**
 * What one worker is asked of a pass: some queries, or some of their scales, over some of the
 * micro-batches that they see.
 *
 * @param parts in the order of the pass
 */
record Share(List<Part> parts) {
    /** Of a worker that a pass leaves nothing for. */
    static final Share NONE = new Share(List.of());

    /**
     * Of one query of the pass.
     *
     * @param query its index
     * @param firstScale of those that are asked
     * @param scales how many of them
     * @param firstBatch index of the first micro-batch that is asked
     * @param batches those that are asked
     */
    record Part(int query, int firstScale, int scales, int firstBatch, List<MicroBatch> batches) {}

    /** Freezes the list. */
    Share {
        parts = List.copyOf(parts);
    }

    boolean isEmpty() {
        return parts.isEmpty();
    }

    /** The pass that it is. */
    ForwardRequest of(ForwardRequest whole) {
        List<Query> queries = new ArrayList<>();
        List<List<MicroBatch>> batches = new ArrayList<>();
        for (Part part : parts) {
            Query query = whole.queries().get(part.query);
            queries.add(
                    new Query(
                            query.seed(),
                            query.scales().subList(part.firstScale, part.firstScale + part.scales),
                            query.place()));
            batches.add(part.batches);
        }
        boolean together = whole.batches().size() == 1;
        return whole.share(together ? List.of(batches.getFirst()) : batches, queries);
    }
}
