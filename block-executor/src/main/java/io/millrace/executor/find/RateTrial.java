package io.millrace.executor.find;

/**
 * One learning rate, tried for a few steps from the base weights.
 *
 * @param lr the learning rate
 * @param before held-out loss of the base
 * @param after held-out loss after the steps, NaN where the steps ended in losses that are no
 *     numbers
 * @param stable whether the loss did not rise
 */
public record RateTrial(double lr, double before, double after, boolean stable) {}
