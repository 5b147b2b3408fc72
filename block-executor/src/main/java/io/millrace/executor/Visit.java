package io.millrace.executor;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.prefetch.BlockLease;

/**
 * One block on the device in one step: its bytes, and which of its tensors already hold the updates
 * that this step folds in.
 *
 * <p>Folding happens in the pass that forms a tensor anyway, on the block's last visit of the step;
 * what no operator formed whole is folded when the visit finishes.
 */
final class Visit {
    private final BlockLease lease;
    private final BlockLayout layout;
    private final ForwardRequest request;
    private final WeightPasses passes;
    private final boolean folds;
    private final boolean[] folded;

    Visit(
            BlockLease lease,
            BlockLayout layout,
            ForwardRequest request,
            WeightPasses passes,
            boolean lastOfStep) {
        this.lease = lease;
        this.layout = layout;
        this.request = request;
        this.passes = passes;
        folds = lastOfStep && request.foldThrough() > lease.foldedThrough();
        folded = new boolean[layout.tensors().size()];
    }

    BlockLease lease() {
        return lease;
    }

    ForwardRequest request() {
        return request;
    }

    TensorSlot slot(String name) {
        return layout.tensor(name);
    }

    /** Whether a pass over the whole tensor must write it back now. */
    boolean storesNow(TensorSlot slot) {
        return folds && !folded[layout.tensors().indexOf(slot)];
    }

    /** The last step that the tensor's bytes hold. */
    long foldedThrough(TensorSlot slot) {
        return folded[layout.tensors().indexOf(slot)]
                ? request.foldThrough()
                : lease.foldedThrough();
    }

    /** Says that a pass has been over the whole tensor, and stored it if it should. */
    void markFormed(TensorSlot slot) {
        if (folds) {
            folded[layout.tensors().indexOf(slot)] = true;
        }
    }

    /** Folds what is left and says so to the lease. */
    void finish() {
        if (!folds) {
            return;
        }
        for (TensorSlot slot : layout.tensors()) {
            if (storesNow(slot)) {
                passes.fold(this, slot);
                markFormed(slot);
            }
        }
        lease.markFolded(request.foldThrough());
    }
}
