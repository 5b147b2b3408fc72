package io.millrace.executor.cuda.kernel;

import io.millrace.optim.update.Decay;
import java.util.List;

/**
 * {@code θ + decay + w Vᵀ} for every scale s, where low-rank directions have {@code w = (L + s U) /
 * √r}.
 *
 * @param left address of L [m, r]; 0 where it is zero
 * @param right address of V as it is, [r, n]; 0 adds nothing at all
 * @param sides address of w of all scales, [scales, r, m]; 0 where a lookup makes it of L and U
 * @param decay of θ
 * @param seed the seed of U
 * @param scales of the query
 */
public record ThinSide(
        long left, long right, long sides, Decay decay, long seed, List<Float> scales) {}
