package io.millrace.executor.cpu.param;

import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.ElementProgram;
import io.millrace.optim.update.PendingUpdates;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * What a pass does to every element it meets; one plan serves all tensors and threads of a visit.
 *
 * @param pending the updates to apply on the way
 * @param store whether the parameters as of {@link PendingUpdates#foldThrough} are written back
 * @param query the direction and scales to write out; without one, the parameters themselves are
 * @param shape makes z of the query and leaves it where {@code Shape} says; z itself where empty
 * @param gathered what all pending updates add to the tensor, float32, where it was summed before
 */
public record PassPlan(
        PendingUpdates pending,
        boolean store,
        Optional<Query> query,
        Optional<ElementProgram> shape,
        Optional<MemorySegment> gathered) {
    /** Writes θ + s z for every scale of a query. */
    public static PassPlan querying(PendingUpdates pending, boolean store, Query query) {
        return new PassPlan(pending, store, Optional.of(query), Optional.empty(), Optional.empty());
    }

    /**
     * Writes θ once. With {@link PendingUpdates#flushed} and no store it reads what a save would
     * write.
     */
    public static PassPlan reading(PendingUpdates pending, boolean store) {
        return new PassPlan(pending, store, Optional.empty(), Optional.empty(), Optional.empty());
    }

    /** The same, with the pending updates summed already: at most one fold, after the last. */
    public PassPlan withGathered(MemorySegment sums) {
        return new PassPlan(pending, store, query, shape, Optional.of(sums));
    }

    /** The same, with what takes the place of z. */
    public PassPlan withShape(ElementProgram program) {
        return new PassPlan(pending, store, query, Optional.of(program), gathered);
    }

    /** How many outputs a pass fills. */
    public int outputs() {
        return query.map(p -> p.scales().size()).orElse(1);
    }
}
