package io.millrace.optim.schedule;

/** The learning rate over a run's steps. */
@FunctionalInterface
public interface LrSchedule {
    /**
     * The learning rate of one step.
     *
     * @param step from 1
     * @param steps how many the run has
     */
    double at(long step, long steps);
}
