package io.millrace.executor;

import io.millrace.executor.cuda.DeviceTensor;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.prefetch.BlockLease;

/** A visit of a block in memory that only the device can address. */
final class CudaVisit extends BlockVisit {
    private final DeviceTensor[] tensors;

    CudaVisit(
            BlockLease lease,
            BlockLayout layout,
            ForwardRequest request,
            int foldEvery,
            boolean lastOfStep) {
        super(lease, layout, request, foldEvery, lastOfStep);
        tensors = new DeviceTensor[tensorCount()];
        for (int index = 0; index < tensors.length; index++) {
            tensors[index] = tensor(lease, slot(index));
        }
    }

    /** A tensor of a block that lies on the device. */
    static DeviceTensor tensor(BlockLease lease, TensorSlot slot) {
        return new DeviceTensor(
                lease.address() + slot.offsetBytes(),
                slot.dtype(),
                slot.tensorId(),
                slot.elementCount(),
                slot.isVector());
    }

    DeviceTensor tensor(int index) {
        return tensors[index];
    }

    /** Folds what no operator formed, and says so to the lease. */
    void finish(CudaPasses passes) {
        finish(() -> passes.fold(this));
    }
}
