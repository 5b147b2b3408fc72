package io.millrace.executor.cuda.weight;

import io.millrace.executor.batch.QueryGroup;
import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.optim.estimate.Query;
import java.util.List;

/**
 * A block's weights as queries that go through it together see them: θ + s·z for each of their
 * scales, which are numbered through, formed on demand.
 */
public final class DeviceWeights {
    private final DeviceVisit visit;
    private final List<Query> queries;
    private final List<Query> still;
    private final int scales;
    private final boolean allStill;
    private final DevicePasses passes;
    private final DeviceScratch scratch;

    /**
     * Weights of a visit.
     *
     * @param queries what sees them; one where each goes alone
     * @param allStill whether matrices are seen as they are, whatever the directions
     */
    public DeviceWeights(
            DeviceVisit visit,
            List<Query> queries,
            boolean allStill,
            DevicePasses passes,
            DeviceScratch scratch) {
        this.visit = visit;
        this.queries = queries;
        this.allStill = allStill;
        still = queries.stream().map(Query::still).toList();
        scales = QueryGroup.scales(queries);
        this.passes = passes;
        this.scratch = scratch;
    }

    public DeviceVisit visit() {
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

    /** What matrices are formed for: every scale, or one where all of them see the same. */
    public Query matrixQuery(int tensor) {
        Query query = queries.getFirst();
        return isStill(tensor) ? query.itself() : query;
    }

    /** Elements from one scale's matrix to the next, of what {@link #matrixQuery} formed. */
    public long matrixStride(int tensor, long stride) {
        return isStill(tensor) ? 0 : stride;
    }

    public int scaleCount() {
        return scales;
    }

    public int indexOf(String name) {
        return visit.indexOf(name);
    }

    /**
     * Forms a whole vector in float32, and folds it if due.
     *
     * @param which of the places for vectors
     * @param name the tensor, or null
     * @return where the first scale's lies, those of the next after it; 0 without a tensor
     */
    public long vector(int which, String name) {
        if (name == null) {
            return 0;
        }
        long place = scratch.vector(which);
        int index = visit.indexOf(name);
        vector(index, place, visit.slot(index).elementCount());
        return place;
    }

    /** The same at a place of the caller's, with so many elements from a scale's to the next. */
    public void vector(int index, long place, long stride) {
        passes.vector(visit, index, seen(index), place, stride);
    }

    /** Looks rows of a table up, which leaves the stored bytes alone. */
    public void rows(int index, DevicePasses.Rows rows, DeviceMatrix out) {
        passes.rows(visit, index, seen(index), rows, out);
    }
}
