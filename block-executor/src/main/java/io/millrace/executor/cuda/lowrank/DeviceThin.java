package io.millrace.executor.cuda.lowrank;

import io.millrace.executor.cuda.kernel.ThinMatrix;
import io.millrace.executor.cuda.kernel.ThinSide;
import io.millrace.memory.TensorSlot;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import java.util.List;

/**
 * How the thin factors of a direction come to be on a device, of one matrix at a time: V [r, n] and
 * what stands beside it. What was made last is valid. Addresses are the device's.
 */
public interface DeviceThin {
    /** Whether a device makes the factors of a direction. */
    static boolean makes(FactoredDirection direction) {
        return direction.streams().isPresent()
                && switch (direction.core()) {
                    case LEFT, SQUARE, DIAGONAL -> true;
                    case RIGHT, PAIR -> false;
                };
    }

    /**
     * A matrix in a step.
     *
     * @param slot its place in the block
     * @param matrix where it is stored
     * @param step that asks, or is folded
     * @param gathered what updates have gathered; 0 where that is zero
     */
    record At(TensorSlot slot, ThinMatrix matrix, long step, long gathered) {}

    /**
     * Makes the factors that queries see, where they stay. What is folded and used beside them is
     * made after that: those of a window that is over may lie in the same place.
     */
    void ready(At at);

    /**
     * Writes w of all scales of some queries, [scales, r, m], and says where V lies.
     *
     * @param place where w goes
     */
    long sides(At at, List<Query> queries, long place);

    /** What a lookup of rows adds for a query, beside the decay of what is folded. */
    ThinSide lookUp(At at, Decay decay, Query query);

    /**
     * What a fold adds.
     *
     * @param left w before the matrix's factor, [m, r]
     * @param right V as it was, [r, n]
     */
    record Fold(long left, long right) {}

    /** Makes what the fold after a step adds. */
    Fold fold(At at);
}
