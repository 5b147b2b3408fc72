package io.millrace.executor.find;

/**
 * One learning rate, tried for a few steps from the base weights.
 *
 * @param lr the learning rate
 * @param before held-out loss of the base
 * @param after held-out loss after the steps, the worse of two random paths; NaN where losses
 *     stopped being numbers
 * @param stable whether the loss did not rise
 */
public record RateTrial(double lr, double before, double after, boolean stable) {}
