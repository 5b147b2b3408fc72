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
 * @param reading how the queries and the decay are meant
 */
public record StepRecord(
        long step,
        long seed,
        double lr,
        double eps,
        double weightDecay,
        double loss,
        List<QueryResult> queries,
        Reading reading) {
    /** Freezes the queries. */
    public StepRecord {
        queries = List.copyOf(queries);
    }

    /**
     * How a record is meant.
     *
     * @param sums whether the gradient is estimated by the sum over the directions, not the mean
     * @param decaysByFactor whether decay is a factor in float32 on what was there, as in journals
     *     up to version 3, and no summand
     */
    public record Reading(boolean sums, boolean decaysByFactor) {
        /** A mean, and decay that is a summand. */
        public static final Reading USUAL = new Reading(false, false);
    }

    /** The record of a step whose estimate is a mean, of a journal as they are written now. */
    public StepRecord(
            long step,
            long seed,
            double lr,
            double eps,
            double weightDecay,
            double loss,
            List<QueryResult> queries) {
        this(step, seed, lr, eps, weightDecay, loss, queries, Reading.USUAL);
    }

    /** The same step in a journal of another version. */
    public StepRecord decayingByFactor(boolean byFactor) {
        return new StepRecord(
                step,
                seed,
                lr,
                eps,
                weightDecay,
                loss,
                queries,
                new Reading(reading.sums, byFactor));
    }

    /** Whether the gradient is estimated by the sum over the directions. */
    public boolean sums() {
        return reading.sums;
    }

    /** Whether decay is a factor on what was there. */
    public boolean decaysByFactor() {
        return reading.decaysByFactor;
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

    /** What the sum of g z over the queries is divided by to estimate the gradient. */
    public int divisor() {
        return sums() ? 1 : queries.size();
    }

    /** Whether every slope is 0: no direction told anything. */
    public boolean isFlat() {
        return queries.stream().allMatch(query -> query.projectedGrad() == 0);
    }

    /** Mean slope over the queries, or their sum where that counts; 0 where there is none. */
    public double meanSlope() {
        double mean = 0;
        for (QueryResult query : queries) {
            mean += query.projectedGrad() / divisor();
        }
        return mean;
    }
}
