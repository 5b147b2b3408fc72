package io.millrace.executor.cuda.kernel;

import io.millrace.optim.update.Decay;

/**
 * {@code θ ← round(θ + decay + L Vᵀ / √r)}.
 *
 * @param left address of L [m, r]; 0 folds nothing
 * @param right address of V as it was, [r, n]
 * @param decay of θ
 * @param stochastic how it is rounded
 * @param seed what stochastic rounding draws from
 * @param stores whether θ is written back
 */
public record ThinFold(
        long left, long right, Decay decay, boolean stochastic, long seed, boolean stores) {
    /** Leaves θ as it is. */
    public static final ThinFold NONE = new ThinFold(0, 0, Decay.NONE, false, 0, false);
}
