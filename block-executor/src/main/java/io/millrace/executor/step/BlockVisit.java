package io.millrace.executor.step;

import io.millrace.executor.companion.Companion;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ScaleTensors;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Update;
import io.millrace.prefetch.BlockLease;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * One block on a device in one step: which updates its bytes have not seen, and which of its
 * tensors already hold those that this step folds in.
 *
 * <p>Folding happens in the pass that forms a tensor anyway, on the block's last visit of the step;
 * what no operator formed whole is folded when the visit finishes.
 */
public abstract class BlockVisit {
    private static final int NONE = -1;

    private final BlockLease lease;
    private final ForwardRequest request;
    private final int block;
    private final List<TensorSlot> slots; // the block's, and behind them those beside it
    private final PendingUpdates pending;
    private final PendingUpdates pendingOnceFolded;
    private final PendingUpdates none; // of tensors that are not trained
    private final long foldThrough;
    private final boolean advances; // whether the bytes are said to hold more steps now
    private final boolean folds; // whether that changes them
    private final boolean[] folded;
    private final int[] scales; // of each packed matrix, or NONE

    /**
     * A visit.
     *
     * @param lent the block
     * @param layout of the block
     * @param beside what the run trains beside it, which then has all that is trained
     * @param request what is asked
     * @param foldEvery steps from one rounding into the stored weights to the next
     * @param lastOfStep whether the block comes no more in this pass
     */
    public BlockVisit(
            BlockLease lent,
            BlockLayout layout,
            Optional<Companion> beside,
            ForwardRequest request,
            int foldEvery,
            boolean lastOfStep) {
        lease = holding(lent, beside);
        this.request = request;
        block = layout.index();
        slots =
                beside.map(companion -> joined(layout.tensors(), companion.layout().tensors()))
                        .orElse(layout.tensors());
        PendingUpdates scheduled =
                PendingUpdates.of(
                        lease.foldedThrough(),
                        foldEvery,
                        request.updates().after(lease.foldedThrough(), block));
        PendingUpdates due =
                request.folding() == ForwardRequest.Folding.SCHEDULED
                        ? scheduled
                        : scheduled.flushed();
        foldThrough = due.foldThrough();
        advances =
                lastOfStep && request.folding() != ForwardRequest.Folding.READ_ONLY && due.folds();
        boolean trained = slots.stream().anyMatch(TensorSlot::isTrained);
        folds = advances && trained && due.foldChanges();
        // Bytes that a fold does not change hold it already.
        pending = due.foldChanges() ? due : due.afterStore();
        pendingOnceFolded = pending.afterStore();
        none = PendingUpdates.of(pending.lastStep(), foldEvery, List.of());
        folded = new boolean[slots.size()];
        scales = slots.stream().mapToInt(this::scales).toArray();
    }

    private int scales(TensorSlot matrix) {
        Optional<String> name = ScaleTensors.name(matrix);
        return IntStream.range(0, slots.size())
                .filter(index -> name.isPresent() && slots.get(index).name().equals(name.get()))
                .findFirst()
                .orElse(NONE);
    }

    /** The place of the scales that a packed matrix is tuned by; empty where they are stored. */
    public final OptionalInt scalesOf(int index) {
        return scales[index] == NONE ? OptionalInt.empty() : OptionalInt.of(scales[index]);
    }

    private static List<TensorSlot> joined(List<TensorSlot> block, List<TensorSlot> beside) {
        List<TensorSlot> all = new ArrayList<>(block);
        all.addAll(beside);
        return List.copyOf(all);
    }

    /** What knows which steps a block and its companion hold. */
    public static BlockLease holding(BlockLease lent, Optional<Companion> beside) {
        return beside.isPresent() ? beside.get() : lent;
    }

    /** Whether a block has missed a fold: no step finds it so but the first after a stop. */
    public static boolean isOverdue(BlockLease lease, ForwardRequest request, int foldEvery) {
        return request.updates().lastStep() - lease.foldedThrough() > foldEvery;
    }

    /** What is asked of the block. */
    protected final ForwardRequest request() {
        return request;
    }

    /** The step that asks, or the last one done when nothing is tuned. */
    public final long step() {
        return request.step();
    }

    /** The run's updates of steps after one, as the block takes them. */
    public final List<Update> updatesAfter(long step) {
        return request.updates().after(step, block);
    }

    /** Whether queries see a tensor as it is: the step leaves its block out, or the run itself. */
    public final boolean isStill(int index) {
        boolean tuned = slot(index).isTrained() || scales[index] != NONE;
        return !request.parts().has(block) || !tuned;
    }

    /** Whether all queries see the same block. */
    public final boolean isStill() {
        return IntStream.range(0, folded.length)
                .allMatch(index ->
                        isStill(index) && (request.isAtOnePlace() || !slot(index).isTrained()));
    }

    /** Which block it is. */
    public final int block() {
        return block;
    }

    /**
     * The place of a tensor in the block's layout, or behind that among those beside it: there
     * where both have it, since the block only has what it began with.
     */
    public final int indexOf(String name) {
        for (int index = slots.size() - 1; index >= 0; index--) {
            if (slots.get(index).name().equals(name)) {
                return index;
            }
        }
        throw new IllegalArgumentException("block " + block + " has no tensor " + name);
    }

    /** Whether the block, or what is beside it, has a tensor. */
    public final boolean has(String name) {
        return slots.stream().anyMatch(slot -> slot.name().equals(name));
    }

    public final int tensorCount() {
        return folded.length;
    }

    public final TensorSlot slot(int index) {
        return slots.get(index);
    }

    /** Whether a pass over the whole tensor must write it back now. */
    public final boolean storesNow(int index) {
        return folds && slot(index).isTrained() && !folded[index];
    }

    /** The updates that the block's bytes did not hold when it came. */
    public final PendingUpdates pending() {
        return pending;
    }

    /** The updates that the tensor's bytes do not hold. */
    public final PendingUpdates pending(int index) {
        if (!slot(index).isTrained()) {
            return none;
        }
        return folded[index] ? pendingOnceFolded : pending;
    }

    /** Those of them that a query sees. */
    public final PendingUpdates pending(int index, Query query) {
        PendingUpdates all = pending(index);
        return query.place() == Query.Place.ANCHOR ? all.folding() : all;
    }

    /** Whether the tensor's bytes are already all that a reader sees. */
    public final boolean isCurrent(int index) {
        return !pending(index).changes();
    }

    /** Whether they are all that a query sees but for its direction. */
    public final boolean isCurrent(int index, Query query) {
        return !pending(index, query).changes();
    }

    /** Begins a pass over a whole tensor, which stores it if that is due. */
    public final Coverage cover(int index) {
        return new Coverage(this, index);
    }

    /** Says that a pass has been over the whole tensor; for the one that counted its elements. */
    final void markFormed(int index) {
        if (folds) {
            folded[index] = true;
        }
    }

    /** The tensors that no operator formed although they are to be stored now. */
    public final List<Integer> unfolded() {
        return IntStream.range(0, folded.length).filter(this::storesNow).boxed().toList();
    }

    /** Has the rest folded, and says so to the lease. */
    public final void finish(Runnable foldUnfolded) {
        if (folds) {
            foldUnfolded.run();
            Arrays.fill(folded, true);
        }
        if (advances) {
            lease.markFolded(foldThrough, folds);
        }
    }
}
