package io.millrace.executor.cpu.param;

import io.millrace.executor.batch.QueryGroup;
import io.millrace.optim.update.Decay;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * What a pass does to every element of one matrix: first the fold, where one is due, then what the
 * reader sees beside it.
 *
 * @param columns n, the length of the matrix's rows
 * @param fold the updates that are rounded into the stored weights
 * @param side what is added on the fly; without it the weights are written out as they are
 */
public record LowRankPlan(long columns, Optional<Fold> fold, Optional<Side> side) {
    /**
     * {@code θ ← round(θ + decay + w Vᵀ)}.
     *
     * @param decay of θ
     * @param left w, of what is gathered
     * @param right Vᵀ, [r, n]
     * @param seed what stochastic rounding draws from
     * @param store whether θ is written back
     */
    public record Fold(Decay decay, LeftSide left, MemorySegment right, long seed, boolean store) {}

    /**
     * {@code θ + decay + w Vᵀ} for every scale of some queries.
     *
     * @param decay of θ
     * @param left w of queries, an output for every scale
     * @param rights Vᵀ of each output, [r, n]
     */
    public record Side(Decay decay, LeftSide left, List<MemorySegment> rights) {
        /** Freezes the list. */
        public Side {
            rights = List.copyOf(rights);
        }

        /** With one V for all. */
        public Side(Decay decay, LeftSide left, MemorySegment right) {
            this(decay, left, Collections.nCopies(QueryGroup.scales(left.queries()), right));
        }

        int outputs() {
            return rights.size();
        }
    }

    /** How many outputs a pass fills. */
    public int outputs() {
        return side.map(Side::outputs).orElse(1);
    }
}
