package io.millrace.optim.gradient;

/**
 * Some consecutive elements of a tensor in float32: whole rows of a matrix where a rule {@linkplain
 * GradientRule#wantsRows wants them}, in arrays that begin at element 0 of the tile.
 *
 * @param first its first element, of the tensor's
 * @param count how many elements
 * @param parameters the weights; what the last pass leaves there is stored
 * @param gradient of the mean loss
 * @param states for each state of {@link GradientRule#kept}: of those that are of elements the
 *     tile's own, of all others all numbers; what the last pass leaves in the tile's own is stored.
 *     Null for each of a rule that wants the whole tensor
 */
public record Tile(long first, int count, float[] parameters, float[] gradient, float[][] states) {}
