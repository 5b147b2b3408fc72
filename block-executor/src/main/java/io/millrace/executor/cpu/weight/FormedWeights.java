package io.millrace.executor.cpu.weight;

import io.millrace.executor.step.Floats;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.optim.estimate.Query;

/** A block's weights as one query sees them: θ + s·z for each of its scales, formed on demand. */
public final class FormedWeights {
    private final HostVisit visit;
    private final Query query;
    private final Query still;
    private final WeightPasses passes;

    public FormedWeights(HostVisit visit, Query query, WeightPasses passes) {
        this.visit = visit;
        this.query = query;
        still = query.still();
        this.passes = passes;
    }

    public HostVisit visit() {
        return visit;
    }

    /** The query as a tensor sees it: without a part in the step it is itself for every scale. */
    public Query seen(int tensor) {
        return visit.isStill(tensor) ? still : query;
    }

    public int scaleCount() {
        return query.scales().size();
    }

    public int indexOf(String name) {
        return visit.indexOf(name);
    }

    public TensorSlot slot(int tensor) {
        return visit.slot(tensor);
    }

    /** Whether the stored bytes are already what the query wants to see, in a type. */
    public boolean isPlain(int tensor, DType type) {
        return seen(tensor).isStill()
                && visit.slot(tensor).format() == type
                && visit.isCurrent(tensor, query);
    }

    /** The stored elements themselves. */
    public Floats plain(int tensor) {
        DType type = visit.slot(tensor).dtype();
        return new Floats(
                visit.stored(tensor).bytes(),
                visit.slot(tensor).offsetBytes() / type.sizeBytes(),
                type);
    }

    /** Forms all of a tensor for every scale, shared among the workers, and folds it if due. */
    public void formWhole(int tensor, Floats place, long stride) {
        long elements = visit.slot(tensor).elementCount();
        try (Forming form = forming(tensor)) {
            TensorForm.whole(passes.pool(), form, elements, place, stride);
        }
    }

    private Forming forming(int tensor) {
        return new Forming(
                visit, tensor, passes.form(visit, tensor, seen(tensor), visit.storesNow(tensor)));
    }

    /**
     * What panels of a matrix are formed by, until every element was in one: for every scale, or
     * once where all of them see the same.
     */
    public Forming formingMatrix(int tensor) {
        Query once = seen(tensor).isStill() ? query.itself() : query;
        return new Forming(
                visit, tensor, passes.form(visit, tensor, once, visit.storesNow(tensor)));
    }

    /** Elements from one scale's matrix to the next, of what {@link #formingMatrix} formed. */
    public long matrixStride(int tensor, long stride) {
        return seen(tensor).isStill() ? 0 : stride;
    }

    /** What single rows of a tensor are formed by, which leaves the stored bytes alone. */
    public TensorForm lookUp(int tensor) {
        return passes.form(visit, tensor, seen(tensor), false);
    }
}
