package io.millrace.executor;

import io.millrace.executor.cuda.CudaKernels;
import io.millrace.executor.cuda.DeviceTensor;
import io.millrace.executor.cuda.FoldProgram;
import io.millrace.executor.cuda.FoldPrograms;
import io.millrace.executor.cuda.WeightPass;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.optim.PendingUpdates;
import io.millrace.prefetch.BlockLease;
import java.util.List;

/**
 * One block on the device in one step: its tensors, and which of them already hold the updates that
 * this step folds in; {@link Visit} for memory that the host cannot see.
 */
final class CudaVisit {
    private final BlockLease lease;
    private final BlockLayout layout;
    private final FoldPrograms programs;
    private final PendingUpdates pending;
    private final PendingUpdates pendingOnceFolded;
    private final boolean folds;
    private final boolean[] folded;

    CudaVisit(
            BlockLease lease,
            BlockLayout layout,
            ForwardRequest request,
            int foldEvery,
            boolean lastOfStep,
            FoldPrograms programs) {
        this.lease = lease;
        this.layout = layout;
        this.programs = programs;
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
    }

    int indexOf(String name) {
        List<TensorSlot> slots = layout.tensors();
        for (int index = 0; index < slots.size(); index++) {
            if (slots.get(index).name().equals(name)) {
                return index;
            }
        }
        throw new IllegalArgumentException("block " + layout.index() + " has no tensor " + name);
    }

    DeviceTensor tensor(int index) {
        TensorSlot slot = layout.tensors().get(index);
        return new DeviceTensor(
                lease.address() + slot.offsetBytes(),
                slot.dtype(),
                slot.tensorId(),
                slot.elementCount(),
                slot.isVector());
    }

    int width(int index) {
        return Math.toIntExact(layout.tensors().get(index).shape().get(1));
    }

    /** Whether a pass over the whole tensor must write it back now. */
    boolean storesNow(int index) {
        return folds && !folded[index];
    }

    /** What brings the tensor's bytes to what a reader sees. */
    FoldProgram program(int index) {
        return programs.of(pending(index));
    }

    /** Whether the tensor's bytes are already all that a reader sees. */
    boolean isCurrent(int index) {
        PendingUpdates left = pending(index);
        return left.appliedThrough() == left.lastStep();
    }

    private PendingUpdates pending(int index) {
        return folded[index] ? pendingOnceFolded : pending;
    }

    /** Says that a pass has been over the whole tensor, and stored it if it should. */
    void markFormed(int index) {
        if (folds) {
            folded[index] = true;
        }
    }

    /** Folds what no operator formed, and says so to the lease. */
    void finish(CudaKernels kernels, WeightPass pass) {
        if (!folds) {
            return;
        }
        for (int index = 0; index < folded.length; index++) {
            if (!folded[index]) {
                DeviceTensor tensor = tensor(index);
                kernels.form(
                        pass, program(index), tensor, true, 0, tensor.elements(), 0, 0, DType.F32);
                folded[index] = true;
            }
        }
        lease.markFolded(pending.foldThrough());
    }
}
