package io.millrace.executor;

import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.optim.PassPlan;
import io.millrace.optim.PendingUpdates;
import io.millrace.optim.Probe;

/** A block's weights as one probe sees them: θ + s·z for each of its scales, formed on demand. */
final class FormedWeights {
    private final Visit visit;
    private final Probe probe;
    private final WeightPasses passes;

    FormedWeights(Visit visit, Probe probe, WeightPasses passes) {
        this.visit = visit;
        this.probe = probe;
        this.passes = passes;
    }

    int scaleCount() {
        return probe.scales().size();
    }

    int indexOf(String name) {
        return visit.indexOf(name);
    }

    TensorSlot slot(int tensor) {
        return visit.slot(tensor);
    }

    /** Whether the stored bytes are already what the probe wants to see. */
    boolean isPlain(int tensor) {
        return isAtTheta() && visit.slot(tensor).dtype() == DType.F32 && visit.isCurrent(tensor);
    }

    /** The stored float32 elements themselves. */
    Floats plain(int tensor) {
        return new Floats(
                visit.stored(tensor).bytes(), visit.slot(tensor).offsetBytes() / Float.BYTES);
    }

    /** Forms all of a tensor for every scale, shared among the workers, and folds it if due. */
    void formWhole(int tensor, Floats place, long stride) {
        passes.formWhole(visit.stored(tensor), storingPlan(tensor), place, stride);
        visit.markFormed(tensor);
    }

    /**
     * What panels of a tensor are formed by; once every element was in one, {@link #markFormed} is
     * to be called.
     */
    PassPlan storingPlan(int tensor) {
        return plan(visit.pending(tensor), visit.storesNow(tensor));
    }

    /** What single rows of a tensor are formed by, which leaves the stored bytes alone. */
    PassPlan lookUpPlan(int tensor) {
        return plan(visit.pending(tensor), false);
    }

    /** Says that panels covered the whole tensor. */
    void markFormed(int tensor) {
        visit.markFormed(tensor);
    }

    /** Forms consecutive elements by a plan of this object, on the calling worker's thread. */
    void formRange(
            int tensor,
            PassPlan plan,
            long first,
            long count,
            Floats place,
            long stride,
            int worker) {
        passes.formRange(visit.stored(tensor), plan, first, count, place, stride, worker);
    }

    /** Forms some columns of a matrix by a plan of this object, on the calling worker's thread. */
    void formColumns(
            int tensor, PassPlan plan, int from, int count, Floats place, long stride, int worker) {
        long columns = visit.slot(tensor).shape().get(1);
        passes.formColumns(visit.stored(tensor), plan, columns, from, count, place, stride, worker);
    }

    private PassPlan plan(PendingUpdates pending, boolean store) {
        return isAtTheta()
                ? PassPlan.reading(pending, store)
                : PassPlan.probing(pending, store, probe);
    }

    private boolean isAtTheta() {
        return probe.scales().size() == 1 && probe.scales().getFirst() == 0f;
    }
}
