package io.millrace.executor;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.optim.PendingUpdates;
import io.millrace.optim.StoredTensor;
import io.millrace.prefetch.BlockLease;
import java.util.ArrayList;
import java.util.List;

/**
 * One block on the device in one step: its tensors, and which of them already hold the updates that
 * this step folds in.
 *
 * <p>Folding happens in the pass that forms a tensor anyway, on the block's last visit of the step;
 * what no operator formed whole is folded when the visit finishes.
 */
final class Visit {
    private final BlockLease lease;
    private final ForwardRequest request;
    private final BlockLayout layout;
    private final List<StoredTensor> stored = new ArrayList<>();
    private final PendingUpdates pending;
    private final PendingUpdates pendingOnceFolded;
    private final boolean folds;
    private final boolean[] folded;

    Visit(
            BlockLease lease,
            BlockLayout layout,
            ForwardRequest request,
            int foldEvery,
            boolean lastOfStep) {
        this.lease = lease;
        this.request = request;
        this.layout = layout;
        long held = lease.foldedThrough();
        PendingUpdates scheduled =
                PendingUpdates.of(held, foldEvery, request.updates().after(held));
        pending =
                request.folding() == ForwardRequest.Folding.SCHEDULED
                        ? scheduled
                        : scheduled.flushed();
        pendingOnceFolded = pending.afterStore();
        folds =
                lastOfStep
                        && request.folding() != ForwardRequest.Folding.READ_ONLY
                        && pending.folds();
        folded = new boolean[layout.tensors().size()];
        for (TensorSlot slot : layout.tensors()) {
            stored.add(
                    new StoredTensor(
                            lease.weights(),
                            slot.offsetBytes(),
                            slot.dtype(),
                            slot.tensorId(),
                            slot.elementCount(),
                            slot.isVector()));
        }
    }

    /** The step that asks, or the last one done when nothing is tuned. */
    long step() {
        return request.step();
    }

    /** The run's updates. */
    UpdateLog updates() {
        return request.updates();
    }

    /** The place of a tensor in the block's layout. */
    int indexOf(String name) {
        List<TensorSlot> slots = layout.tensors();
        for (int index = 0; index < slots.size(); index++) {
            if (slots.get(index).name().equals(name)) {
                return index;
            }
        }
        throw new IllegalArgumentException("block " + layout.index() + " has no tensor " + name);
    }

    TensorSlot slot(int index) {
        return layout.tensors().get(index);
    }

    StoredTensor stored(int index) {
        return stored.get(index);
    }

    int tensorCount() {
        return folded.length;
    }

    /** Whether a pass over the whole tensor must write it back now. */
    boolean storesNow(int index) {
        return folds && !folded[index];
    }

    /** The updates that the tensor's bytes do not hold. */
    PendingUpdates pending(int index) {
        return folded[index] ? pendingOnceFolded : pending;
    }

    /** Whether the tensor's bytes are already all that a reader sees. */
    boolean isCurrent(int index) {
        PendingUpdates left = pending(index);
        return left.appliedThrough() == left.lastStep();
    }

    /** Says that a pass has been over the whole tensor, and stored it if it should. */
    void markFormed(int index) {
        if (folds) {
            folded[index] = true;
        }
    }

    /** Folds what no operator formed, and says so to the lease. */
    void finish(WeightPasses passes) {
        if (!folds) {
            return;
        }
        for (int index = 0; index < folded.length; index++) {
            if (!folded[index]) {
                passes.fold(this, index);
                folded[index] = true;
            }
        }
        lease.markFolded(pending.foldThrough());
    }
}
