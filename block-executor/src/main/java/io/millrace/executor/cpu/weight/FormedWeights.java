package io.millrace.executor.cpu.weight;

import io.millrace.executor.batch.QueryGroup;
import io.millrace.executor.companion.Companion;
import io.millrace.executor.step.Floats;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.optim.estimate.Query;
import java.util.List;

/**
 * A block's weights as queries that go through it together see them: θ + s·z for each of their
 * scales, which are numbered through, formed on demand.
 */
public final class FormedWeights {
    private final HostVisit visit;
    private final List<Query> queries;
    private final List<Query> still;
    private final int scales;
    private final boolean allStill;
    private final WeightPasses passes;

    /**
     * Weights of a visit.
     *
     * @param visit the block
     * @param queries what sees them
     * @param allStill whether matrices are seen as they are, whatever the directions
     * @param passes form them
     */
    public FormedWeights(
            HostVisit visit, List<Query> queries, boolean allStill, WeightPasses passes) {
        this.visit = visit;
        this.queries = queries;
        this.passes = passes;
        still = queries.stream().map(Query::still).toList();
        scales = QueryGroup.scales(queries);
        this.allStill = allStill;
    }

    public HostVisit visit() {
        return visit;
    }

    /** The queries as a tensor sees them: without a part in the step each is itself. */
    public List<Query> seen(int tensor) {
        return visit.isStill(tensor) ? still : queries;
    }

    /** Whether all scales see a tensor as it is. */
    public boolean isStill(int tensor) {
        return allStill || visit.isStill(tensor);
    }

    public int scaleCount() {
        return scales;
    }

    /** Whether the block has a tensor. */
    public boolean has(String name) {
        return visit.has(name);
    }

    public int indexOf(String name) {
        return visit.indexOf(name);
    }

    public TensorSlot slot(int tensor) {
        return visit.slot(tensor);
    }

    /** Whether the stored bytes are already what the queries want to see, in a type. */
    public boolean isPlain(int tensor, DType type) {
        return isStill(tensor)
                && visit.slot(tensor).format().equals(type)
                && visit.isCurrent(tensor, queries.getFirst());
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
        try (Forming form = forming(tensor, seen(tensor))) {
            TensorForm.whole(passes.pool(), form, elements, place, stride);
        }
    }

    private Forming forming(int tensor, List<Query> asked) {
        return new Forming(
                visit, tensor, passes.form(visit, tensor, asked, visit.storesNow(tensor)));
    }

    /**
     * What panels of a matrix are formed by, until every element was in one: for every scale, or
     * once where all of them see the same.
     */
    public Forming formingMatrix(int tensor) {
        return forming(tensor, isStill(tensor) ? List.of(queries.getFirst().itself()) : queries);
    }

    /** Elements from one scale's matrix to the next, of what {@link #formingMatrix} formed. */
    public long matrixStride(int tensor, long stride) {
        return isStill(tensor) ? 0 : stride;
    }

    /** The same queries over some rows of a table that the block looks up, and does not have. */
    FormedWeights ofRows(Companion rows) {
        HostVisit asked = visit.ofRows(rows, passes.foldEvery());
        return new FormedWeights(asked, queries, false, passes);
    }

    /**
     * Forms all of a tensor for every scale on the worker that asks, and folds it if that is due.
     *
     * @param worker the calling worker
     */
    void formHere(int tensor, Floats place, long stride, int worker) {
        try (Forming form = forming(tensor, seen(tensor))) {
            form.range(0, visit.slot(tensor).elementCount(), place, stride, worker);
        }
        visit.finish(passes);
    }

    /** What single rows of a tensor are formed by, which leaves the stored bytes alone. */
    public TensorForm lookUp(int tensor) {
        return passes.form(visit, tensor, seen(tensor), false);
    }
}
