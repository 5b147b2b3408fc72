package io.millrace.executor.cuda.kernel;

/**
 * {@code θ ← round(decay · θ + L Vᵀ / √r)}.
 *
 * @param left address of L [m, r]; 0 folds nothing
 * @param right address of V as it was, [r, n]
 * @param decay factor on θ
 * @param stochastic how it is rounded
 * @param seed what stochastic rounding draws from
 * @param stores whether θ is written back
 */
public record ThinFold(
        long left, long right, float decay, boolean stochastic, long seed, boolean stores) {
    /** Leaves θ as it is. */
    public static final ThinFold NONE = new ThinFold(0, 0, 1, false, 0, false);
}
