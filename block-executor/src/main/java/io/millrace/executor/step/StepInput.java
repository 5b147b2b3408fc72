package io.millrace.executor.step;

import io.millrace.optim.estimate.StepRecord;
import java.util.Optional;

/**
 * What a step is given.
 *
 * @param step from 1
 * @param epoch passes over the data that were over before, from 0
 * @param lr the step's learning rate
 * @param batch the step's examples
 * @param anchor the newest step before that the estimator takes apart from others
 */
public record StepInput(
        long step, long epoch, double lr, StepBatch batch, Optional<StepRecord> anchor) {}
