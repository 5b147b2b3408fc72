package io.millrace.executor;

import io.millrace.executor.cuda.DeviceTensor;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.prefetch.BlockLease;

/** A visit of a block in memory that only the device can address. */
final class CudaVisit extends BlockVisit {
    private final long address;

    CudaVisit(
            BlockLease lease,
            BlockLayout layout,
            ForwardRequest request,
            int foldEvery,
            boolean lastOfStep) {
        super(lease, layout, request, foldEvery, lastOfStep);
        address = lease.address();
    }

    DeviceTensor tensor(int index) {
        TensorSlot slot = slot(index);
        return new DeviceTensor(
                address + slot.offsetBytes(),
                slot.dtype(),
                slot.tensorId(),
                slot.elementCount(),
                slot.isVector());
    }

    /** Folds what no operator formed, and says so to the lease. */
    void finish(CudaPasses passes) {
        finish(() -> passes.fold(this));
    }
}
