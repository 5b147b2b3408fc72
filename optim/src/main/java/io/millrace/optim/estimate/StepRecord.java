package io.millrace.optim.estimate;

import java.util.List;

/**
 * One step as the journal keeps it: all that a replay needs.
 *
 * @param step from 1
 * @param seed the step's seed
 * @param lr learning rate of this step
 * @param eps scale of the perturbation
 * @param weightDecay decay of this step
 * @param queries one result a query
 */
public record StepRecord(
        long step,
        long seed,
        double lr,
        double eps,
        double weightDecay,
        List<QueryResult> queries) {
    /** Freezes the queries. */
    public StepRecord {
        queries = List.copyOf(queries);
    }

    /** The step's loss: the mean of L+ and L− over its queries. */
    public double loss() {
        double loss = 0;
        for (QueryResult query : queries) {
            loss += (query.lossPlus() + query.lossMinus()) / 2 / queries.size();
        }
        return loss;
    }
}
