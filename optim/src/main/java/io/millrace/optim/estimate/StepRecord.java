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
 * @param loss the step's loss, as the estimator tells it
 * @param queries one result a direction
 * @param decaysByFactor whether decay is a factor in float32 on what was there, as in journals up
 *     to version 3, and no summand
 */
public record StepRecord(
        long step,
        long seed,
        double lr,
        double eps,
        double weightDecay,
        double loss,
        List<QueryResult> queries,
        boolean decaysByFactor) {
    /** Freezes the queries. */
    public StepRecord {
        queries = List.copyOf(queries);
    }

    /** A record of a journal as they are written now. */
    public StepRecord(
            long step,
            long seed,
            double lr,
            double eps,
            double weightDecay,
            double loss,
            List<QueryResult> queries) {
        this(step, seed, lr, eps, weightDecay, loss, queries, false);
    }

    /** The same step in a journal of another version. */
    public StepRecord decayingByFactor(boolean byFactor) {
        return new StepRecord(step, seed, lr, eps, weightDecay, loss, queries, byFactor);
    }

    /** The record of a step along two-sided queries. */
    public static StepRecord twoSided(
            long step,
            long seed,
            double lr,
            double eps,
            double weightDecay,
            List<QueryResult> queries) {
        return new StepRecord(
                step, seed, lr, eps, weightDecay, TwoSidedEstimator.loss(queries), queries);
    }

    /** Mean slope over the queries; 0 where there is none. */
    public double meanSlope() {
        double mean = 0;
        for (QueryResult query : queries) {
            mean += query.projectedGrad() / queries.size();
        }
        return mean;
    }
}
