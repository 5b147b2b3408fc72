package io.millrace.executor.cpu.param;

import io.millrace.optim.update.Decay;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a pass does to every element of a matrix whose directions are pairs of factors: the pending
 * updates one after another, and then what the reader sees beside them.
 *
 * @param columns n, the length of the matrix's rows
 * @param steps the updates in order
 * @param terms their factors
 * @param side what queries add; without it the weights are written out as they are
 */
public record PairPlan(
        long columns, List<Step> steps, PairTerms terms, Optional<LowRankPlan.Side> side) {
    /** Freezes the steps. */
    public PairPlan {
        steps = List.copyOf(steps);
    }

    /**
     * One update.
     *
     * @param decay of the weights
     * @param first its first column of the terms
     * @param count how many it has
     * @param rounds the seed of the rounding to the stored type after it, where there is one
     * @param store whether they are written back then
     */
    public record Step(Decay decay, int first, int count, OptionalLong rounds, boolean store) {}

    /** How many outputs a pass fills. */
    public int outputs() {
        return side.map(LowRankPlan.Side::outputs).orElse(1);
    }
}
