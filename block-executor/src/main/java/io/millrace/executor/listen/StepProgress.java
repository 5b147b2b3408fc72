package io.millrace.executor.listen;

/**
 * One finished step, for a progress line.
 *
 * @param step from 1
 * @param totalSteps steps of the whole run
 * @param loss mean of L+ and L− over the queries
 * @param projectedGrad mean slope over the queries
 * @param lr learning rate of the step
 * @param stepSeconds wall time of the step
 * @param tokensPerSecond tokens of the batch by wall time
 */
public record StepProgress(
        long step,
        long totalSteps,
        double loss,
        double projectedGrad,
        double lr,
        double stepSeconds,
        double tokensPerSecond) {}
