package io.millrace.optim.estimate;

/**
 * What an estimator knows of a step.
 *
 * @param step from 1
 * @param seed the step's seed
 * @param eps scale of the perturbation
 * @param lr the step's learning rate
 */
public record StepContext(long step, long seed, double eps, double lr) {}
