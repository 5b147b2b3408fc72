package io.millrace.executor.cuda.kernel;

import io.millrace.optim.update.Decay;
import java.util.List;

/**
 * {@code θ + decay + (L + s U) Vᵀ / √r} for every scale s.
 *
 * @param left address of L [m, r]; 0 where it is zero
 * @param right address of V as it is, [r, n]; 0 adds nothing at all
 * @param decay of θ
 * @param seed the seed of U
 * @param scales of the query
 */
public record ThinSide(long left, long right, Decay decay, long seed, List<Float> scales) {}
