package io.millrace.executor;

import io.millrace.executor.cpu.WorkerPool;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.optim.Probe;

/** A block's weights as one probe sees them: θ + s·z for each of its scales, formed on demand. */
final class FormedWeights {
    // One pass of a worker; long enough to hide its start, short enough to share a matrix evenly.
    private static final int ELEMENTS_PER_TASK = 32 * 1024;

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

    TensorSlot slot(String name) {
        return visit.slot(name);
    }

    /** Whether the stored bytes are already what the probe wants to see. */
    boolean isPlain(TensorSlot slot) {
        return slot.dtype() == DType.F32
                && scaleCount() == 1
                && probe.scales().getFirst() == 0f
                && visit.foldedThrough(slot) == visit.request().updates().lastStep();
    }

    /** The stored float32 matrix itself. */
    Floats plain(TensorSlot slot) {
        return new Floats(visit.lease().weights(), slot.offsetBytes() / Float.BYTES);
    }

    /**
     * Forms a rectangle of a matrix for every scale.
     *
     * @param slot the matrix
     * @param rowFrom first row
     * @param rowTo row after the last
     * @param columnFrom first column
     * @param columnTo column after the last
     * @param place where the contiguous tile of the first scale goes
     * @param stride elements from one scale's tile to the next
     * @param worker whose scratch to use
     */
    void formTile(
            TensorSlot slot,
            int rowFrom,
            int rowTo,
            int columnFrom,
            int columnTo,
            Floats place,
            long stride,
            int worker) {
        // A look-up of single rows leaves the rest of the table unfolded, so it must not store.
        boolean whole = (rowTo - rowFrom) * (long) (columnTo - columnFrom) > columnTo;
        passes.formTile(
                visit, slot, probe, rowFrom, rowTo, columnFrom, columnTo, place, stride, whole, worker);
    }

    /** Forms all of a tensor for every scale, shared among the workers. */
    void formWhole(TensorSlot slot, Floats place, long stride, WorkerPool pool) {
        long count = slot.elementCount();
        int tasks = Math.toIntExact((count + ELEMENTS_PER_TASK - 1) / ELEMENTS_PER_TASK);
        pool.parallelFor(
                tasks,
                (task, worker) -> {
                    long first = (long) task * ELEMENTS_PER_TASK;
                    int length = (int) Math.min(ELEMENTS_PER_TASK, count - first);
                    passes.formRange(visit, slot, probe, first, length, place, stride, worker);
                });
    }

    /** Forms a vector for every scale, one after another, and says where. */
    Floats vector(String name, Floats place) {
        TensorSlot slot = visit.slot(name);
        int length = Math.toIntExact(slot.elementCount());
        passes.formRange(visit, slot, probe, 0, length, place, length, 0);
        visit.markFormed(slot);
        return place;
    }

    /** Says that a matrix was formed whole. */
    void markFormed(TensorSlot slot) {
        visit.markFormed(slot);
    }
}
