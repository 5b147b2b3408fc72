package io.millrace.optim;

import java.util.List;

/**
 * A change of the parameters that any tier can apply later: {@code θ ← decay · θ + Σ coefficient ·
 * z(seed)}. In float32: one rounded product where decay ≠ 1, then one fused multiply-add a term, in
 * order.
 *
 * @param step the step that made it, from 1
 * @param seed the step's seed; stochastic rounding after this update draws from it
 * @param decay factor on tensors of two or more axes; vectors keep factor 1
 * @param terms the directions and their coefficients, in the order in which they are added
 */
public record Update(long step, long seed, float decay, List<Term> terms) {
    /** Freezes the terms. */
    public Update {
        terms = List.copyOf(terms);
    }

    /**
     * One direction's share.
     *
     * @param seed the direction's seed
     * @param coefficient factor on z
     */
    public record Term(long seed, float coefficient) {}
}
