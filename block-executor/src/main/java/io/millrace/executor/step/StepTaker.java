package io.millrace.executor.step;

import io.millrace.optim.estimate.StepRecord;

/** Takes the steps of a run, whatever they are made of. */
@FunctionalInterface
public interface StepTaker {
    /**
     * Takes a step; it is not in the log yet.
     *
     * @param input of the step
     * @param updates of all steps before
     */
    StepRecord run(StepInput input, UpdateLog updates);
}
