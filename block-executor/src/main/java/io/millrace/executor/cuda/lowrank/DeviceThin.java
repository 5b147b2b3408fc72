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
                || (direction.isOfBase()
                        && direction.core().liesBetween()
                        && direction.coreStream().isPresent());
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
     * The thin factors of all scales of some queries, one behind another or shared by all.
     *
     * @param right address of V, [r, n]
     * @param rightStride floats from a scale's to the next; 0 where all share one
     * @param left address of w, [r, m]
     * @param leftStride floats from a scale's to the next; 0 where all share one
     */
    record Factors(long right, long rightStride, long left, long leftStride) {}

    /** Makes what queries see. */
    Factors factors(At at, List<Query> queries);

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
