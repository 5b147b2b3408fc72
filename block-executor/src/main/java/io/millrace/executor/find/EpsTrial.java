package io.millrace.executor.find;

/**
 * One ε, tried along the same directions and on the same batches as every other.
 *
 * @param eps the scale of the perturbation
 * @param slope root mean square of the projected gradients
 * @param disagreement the larger of the relative differences from the slopes that the next smaller
 *     and the next larger ε give; rounding makes it large below, curvature above
 */
public record EpsTrial(double eps, double slope, double disagreement) {}
