/**
 * First-order rules: what a step does to parameters whose gradient is known.
 *
 * <pre>
 * GradientRule   a rule by name: what it keeps of each tensor, and its {@code TensorStep}s
 * TensorTurn     one tensor in one step: shape, rate, decay, how often it had its turn
 * TensorStep     passes over the tensor's tiles, the last of which changes it
 * Tile           some whole rows of it: parameters, gradient and states, in float32
 * WholeTensor    all of it, where a step has to look at the whole gradient first
 * </pre>
 *
 * <p>Nothing here knows a device or where bytes lie: whoever has the gradient widens tiles, runs
 * the passes over them in parallel, adds up their sums in the order of the tiles, and stores what
 * the last pass leaves.
 */
package io.millrace.optim.gradient;
