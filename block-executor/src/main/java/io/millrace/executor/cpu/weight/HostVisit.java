package io.millrace.executor.cpu.weight;

import io.millrace.executor.companion.Companion;
import io.millrace.executor.cpu.param.StoredState;
import io.millrace.executor.cpu.param.StoredTensor;
import io.millrace.executor.step.BlockVisit;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.prefetch.BlockLease;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A visit of a block in memory that the host can address. */
public final class HostVisit extends BlockVisit {
    private final MemorySegment bytes;
    private final List<Optional<StoredTensor>> stored = new ArrayList<>();

    /** A visit of a block that has no companion. */
    public HostVisit(
            BlockLease lease,
            BlockLayout layout,
            ForwardRequest request,
            int foldEvery,
            boolean lastOfStep) {
        this(lease, layout, Optional.empty(), request, foldEvery, lastOfStep);
    }

    /** A visit of a block and what is trained beside it. */
    public HostVisit(
            BlockLease lease,
            BlockLayout layout,
            Optional<Companion> beside,
            ForwardRequest request,
            int foldEvery,
            boolean lastOfStep) {
        super(lease, layout, beside, request, foldEvery, lastOfStep);
        bytes = lease.weights();
        add(lease, layout);
        beside.ifPresent(companion -> add(companion, companion.layout()));
    }

    /**
     * What the same request asks of rows of a table that this block looks up, and does not have.
     */
    HostVisit ofRows(Companion rows, int foldEvery) {
        return new HostVisit(rows, rows.layout(), request(), foldEvery, true);
    }

    private void add(BlockLease lease, BlockLayout layout) {
        for (int index = 0; index < layout.tensors().size(); index++) {
            TensorSlot slot = layout.tensors().get(index);
            stored.add(
                    slot.isPlain() ? Optional.of(stored(lease, layout, index)) : Optional.empty());
        }
    }

    private static StoredTensor stored(BlockLease lease, BlockLayout layout, int index) {
        TensorSlot slot = layout.tensors().get(index);
        return new StoredTensor(
                lease.weights(),
                slot.offsetBytes(),
                slot.dtype(),
                slot.tensorId(),
                slot.elementCount(),
                slot.isVector(),
                layout.states(index).stream()
                        .map(one -> new StoredState(one.offsetBytes(), one.dtype()))
                        .toList(),
                new StoredTensor.Whole(slot.firstElement(), slot.wholeElementCount()));
    }

    /** A plain array of numbers where it lies. */
    public StoredTensor stored(int index) {
        return stored.get(index).orElseThrow();
    }

    /** The block's bytes. */
    public MemorySegment bytes() {
        return bytes;
    }

    /** Folds what no operator formed, and says so to the lease. */
    public void finish(WeightPasses passes) {
        finish(() -> unfolded().forEach(tensor -> passes.fold(this, tensor)));
    }
}
