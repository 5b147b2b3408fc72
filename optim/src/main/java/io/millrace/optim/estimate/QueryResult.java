package io.millrace.optim.estimate;

/**
 * What one query of a step found.
 *
 * @param seed the direction's seed
 * @param lossPlus L(θ + εz)
 * @param lossMinus L(θ − εz); a one-sided estimator writes L(θ) here
 * @param projectedGrad the slope along z
 */
public record QueryResult(long seed, double lossPlus, double lossMinus, double projectedGrad) {}
