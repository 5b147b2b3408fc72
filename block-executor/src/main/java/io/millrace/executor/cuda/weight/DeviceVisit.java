package io.millrace.executor.cuda.weight;

import io.millrace.executor.companion.Companion;
import io.millrace.executor.cuda.kernel.DeviceTensor;
import io.millrace.executor.step.BlockVisit;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.prefetch.BlockLease;
import java.util.Optional;

/** A visit of a block in memory that only the device can address. */
public final class DeviceVisit extends BlockVisit {
    private final DeviceTensor[] tensors;

    /** A visit of a block, and of what is trained beside it. */
    public DeviceVisit(
            BlockLease lease,
            BlockLayout layout,
            Optional<Companion> beside,
            ForwardRequest request,
            int foldEvery,
            boolean lastOfStep) {
        super(lease, layout, beside, request, foldEvery, lastOfStep);
        tensors = new DeviceTensor[tensorCount()];
        int own = layout.tensors().size();
        for (int index = 0; index < own; index++) {
            tensors[index] = tensor(lease, layout, index);
        }
        beside.ifPresent(companion -> {
            for (int index = own; index < tensors.length; index++) {
                tensors[index] = tensor(companion, companion.layout(), index - own);
            }
        });
    }

    /** A tensor of a block that lies on the device. */
    public static DeviceTensor tensor(BlockLease lease, BlockLayout layout, int index) {
        TensorSlot slot = layout.tensors().get(index);
        return new DeviceTensor(
                lease.address() + slot.offsetBytes(),
                slot.format(),
                slot.tensorId(),
                slot.elementCount(),
                slot.isVector(),
                layout.states(index).stream()
                        .map(one ->
                                new DeviceTensor.State(
                                        lease.address() + one.offsetBytes(), one.dtype()))
                        .toList());
    }

    public DeviceTensor tensor(int index) {
        return tensors[index];
    }

    /** Folds what no operator formed, and says so to the lease. */
    public void finish(DevicePasses passes) {
        finish(() -> passes.fold(this));
    }
}
