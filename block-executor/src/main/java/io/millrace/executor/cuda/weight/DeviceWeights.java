package io.millrace.executor.cuda.weight;

import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.optim.estimate.Query;

/** A block's weights as one query sees them: θ + s·z for each of its scales, formed on demand. */
public final class DeviceWeights {
    private final DeviceVisit visit;
    private final Query query;
    private final Query still;
    private final DevicePasses passes;
    private final DeviceScratch scratch;

    public DeviceWeights(
            DeviceVisit visit, Query query, DevicePasses passes, DeviceScratch scratch) {
        this.visit = visit;
        this.query = query;
        still = query.still();
        this.passes = passes;
        this.scratch = scratch;
    }

    public DeviceVisit visit() {
        return visit;
    }

    /** The query as a tensor sees it: without a part in the step it is itself for every scale. */
    public Query seen(int tensor) {
        return visit.isStill(tensor) ? still : query;
    }

    /** What matrices are formed for: every scale, or one where all of them see the same. */
    public Query matrixQuery(int tensor) {
        return seen(tensor).isStill() ? query.itself() : query;
    }

    /** Elements from one scale's matrix to the next, of what {@link #matrixQuery} formed. */
    public long matrixStride(int tensor, long stride) {
        return seen(tensor).isStill() ? 0 : stride;
    }

    public int scaleCount() {
        return query.scales().size();
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
