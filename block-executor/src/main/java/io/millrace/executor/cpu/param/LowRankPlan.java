package io.millrace.executor.cpu.param;

import io.millrace.optim.direction.LowRankDirection;
import io.millrace.optim.update.Decay;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * What a pass does to every element of one matrix: first the fold, where one is due, then what the
 * reader sees beside it.
 *
 * @param direction the direction
 * @param columns n, the length of the matrix's rows
 * @param fold the updates that are rounded into the stored weights
 * @param side what is added on the fly; without it the weights are written out as they are
 */
public record LowRankPlan(
        LowRankDirection direction, long columns, Optional<Fold> fold, Optional<Side> side) {
    /**
     * {@code θ ← round(θ + decay + L Vᵀ / √r)}.
     *
     * @param decay of θ
     * @param left L, row-major [m, r]
     * @param right Vᵀ, [r, n]
     * @param seed what stochastic rounding draws from
     * @param store whether θ is written back
     */
    public record Fold(
            Decay decay, MemorySegment left, MemorySegment right, long seed, boolean store) {}

    /**
     * {@code θ + decay + (L + s U) Vᵀ / √r} for every scale s.
     *
     * @param decay of θ
     * @param left L, row-major [m, r]; zero where empty
     * @param right Vᵀ, [r, n]
     * @param seed the seed of U
     * @param scales what is written out, one output each
     */
    public record Side(
            Decay decay,
            Optional<MemorySegment> left,
            MemorySegment right,
            long seed,
            List<Float> scales) {}

    /** How many outputs a pass fills. */
    public int outputs() {
        return side.map(beside -> beside.scales().size()).orElse(1);
    }
}
