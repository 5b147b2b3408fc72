package io.millrace.optim.estimate;

import java.util.Optional;

/**
 * What an estimator knows of a step.
 *
 * @param step from 1
 * @param seed the step's seed
 * @param eps scale of the perturbation
 * @param lr the step's learning rate
 * @param epoch passes over the data that were over before, from 0
 * @param anchor the newest of the steps before that was one of {@link Estimator#anchors}
 */
public record StepContext(
        long step, long seed, double eps, double lr, long epoch, Optional<StepRecord> anchor) {
    /** A step of the first epoch, without a step before it that counts. */
    public StepContext(long step, long seed, double eps, double lr) {
        this(step, seed, eps, lr, 0, Optional.empty());
    }
}
