package io.millrace.executor.cpu.lowrank;

import io.millrace.executor.batch.QueryGroup;
import io.millrace.executor.cpu.lowrank.LowRankMemory.Gathered;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.param.FactorTrack;
import io.millrace.executor.cpu.param.LeftSide;
import io.millrace.executor.cpu.param.LowRankPass;
import io.millrace.executor.cpu.param.LowRankPlan;
import io.millrace.executor.cpu.param.PassPlan;
import io.millrace.executor.cpu.param.StoredTensor;
import io.millrace.executor.cpu.weight.HostVisit;
import io.millrace.executor.cpu.weight.TensorForm;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.LowRankSize;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.FactoredDirection.Core;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Update;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * The way of thin factors: matrices are only read until their updates are folded; what the updates
 * since then and the query add is a product of thin factors. Other tensors are formed the dense
 * way, with the same schedule of folds.
 */
public final class LowRankWeightPasses extends ThinPasses {
    private static final MemorySegment[] NO_OUTPUTS = {};
    private static final long[] NO_OFFSETS = {};

    private final List<LowRankPass> passes;
    private final FixedFactors fixed;
    private final OrthogonalEstimates orthogonal;

    /**
     * Passes for every worker of a pool.
     *
     * @param pool the workers
     * @param direction the direction
     * @param rounding how folded weights are rounded
     * @param foldEvery steps from one rounding into the stored weights to the next
     * @param scales the most scales that go through a block together
     * @param memory what they own
     */
    public LowRankWeightPasses(
            WorkerPool pool,
            FactoredDirection direction,
            Rounding rounding,
            int foldEvery,
            int scales,
            LowRankMemory memory) {
        super(pool, direction, rounding, foldEvery, scales, memory);
        passes = perWorker(() -> new LowRankPass(memory.mostRank(), rounding));
        fixed = new FixedFactors(pool, direction, memory, kernels);
        orthogonal = new OrthogonalEstimates(pool, memory);
    }

    @Override
    public TensorForm form(HostVisit visit, int tensor, List<Query> queries, boolean store) {
        TensorSlot slot = visit.slot(tensor);
        if (!slot.isTrained()) {
            return dense.form(visit, tensor, queries, false);
        }
        boolean beside = addsBeside(visit, tensor);
        Gathered gathered = upToDate(visit, tensor);
        if (!LowRankSize.isMatrix(slot)) {
            return dense.form(visit, tensor, queries, store, gathered.track().left());
        }
        Optional<LowRankPlan.Side> side = Optional.empty();
        if (beside || queries.size() > 1 || !queries.getFirst().isItself()) {
            FixedFactors.Pair factors = fixed.at(gathered, visit.step());
            side =
                    Optional.of(
                            new LowRankPlan.Side(
                                    beside ? gathered.track().decay() : Decay.NONE,
                                    left(gathered, beside, factors, queries),
                                    rights(gathered, beside, factors, queries).stream()
                                            .map(ThinPasses::from)
                                            .toList()));
        }
        return form(visit.stored(tensor), plan(visit, tensor, store, side));
    }

    /** A matrix with what is folded by now, and no more. */
    @Override
    TensorForm base(HostVisit visit, int tensor) {
        boolean store = visit.storesNow(tensor);
        return form(visit.stored(tensor), plan(visit, tensor, store, Optional.empty()));
    }

    @Override
    boolean isBase(HostVisit visit, int tensor, DType type) {
        return visit.slot(tensor).dtype() == type && !visit.pending(tensor).folds();
    }

    @Override
    Beside beside(HostVisit visit, int tensor, List<Query> queries) {
        boolean pending = addsBeside(visit, tensor);
        Gathered gathered = upToDate(visit, tensor);
        FactorTrack track = gathered.track();
        FixedFactors.Pair factors = fixed.at(gathered, visit.step());
        List<Floats> rights = rights(gathered, pending, factors, queries);
        // A left factor that is fixed as it is serves all scales.
        boolean shared = direction.core() == Core.RIGHT;
        LeftSide left =
                left(gathered, pending, factors, shared ? List.of(Query.AT_THETA) : queries);
        MemorySegment sides = memory.sides().segment();
        int scales = QueryGroup.scales(queries);
        FixedFactors.shareRows(
                pool,
                track.rows(),
                (from, to, worker) -> kernels[worker].sides(left, track.rows(), from, to, sides));
        return new Beside(
                pending ? track.decay().ofProduct() : 1,
                left.rank(),
                rights,
                Beside.places(memory.sides(), scales, shared ? 0 : left.rank() * track.rows()));
    }

    /** What queries see beside a matrix; the last one made is valid. */
    private LeftSide left(
            Gathered gathered,
            boolean withGathered,
            FixedFactors.Pair factors,
            List<Query> queries) {
        LeftSide side =
                gathered.track().side(withGathered, factors.left(), cores(memory.cores()), queries);
        kernels[0].cores(side);
        return side;
    }

    /** The right factor that each scale sees; the last ones made are valid. */
    private List<Floats> rights(
            Gathered gathered,
            boolean withGathered,
            FixedFactors.Pair factors,
            List<Query> queries) {
        int scales = QueryGroup.scales(queries);
        if (direction.core().fixesRight()) {
            return Collections.nCopies(scales, new Floats(factors.right(), 0));
        }
        FactorTrack track = gathered.track();
        LeftSide side = track.side(withGathered, factors.left(), Optional.empty(), queries);
        long floats = track.columns() * track.rank();
        MemorySegment out = memory.rights().segment();
        TensorForm.share(
                pool,
                floats,
                (first, count, worker) ->
                        kernels[worker].rights(side, first, first + count, floats, out));
        return Beside.places(memory.rights(), scales, floats);
    }

    private Optional<MemorySegment> cores(MemorySegment place) {
        return direction.core().liesBetween() ? Optional.of(place) : Optional.empty();
    }

    @Override
    public void fold(HostVisit visit, int tensor) {
        PendingUpdates pending = visit.pending(tensor);
        for (long step = pending.appliedThrough() + 1; step <= pending.foldThrough(); step++) {
            if (pending.foldsAfter(step)) {
                foldThrough(visit, tensor, step);
            }
        }
    }

    /** One fold, of the updates since the one before. */
    private void foldThrough(HostVisit visit, int tensor, long step) {
        StoredTensor stored = visit.stored(tensor);
        if (LowRankSize.isMatrix(visit.slot(tensor))) {
            LowRankPlan plan =
                    new LowRankPlan(
                            LowRankSize.columnsOf(visit.slot(tensor)),
                            Optional.of(fold(visit, tensor, step, true)),
                            Optional.empty());
            TensorForm.share(
                    pool,
                    stored.elements(),
                    (first, count, worker) ->
                            passes.get(worker)
                                    .range(stored, plan, first, count, NO_OUTPUTS, NO_OFFSETS));
        } else {
            Gathered gathered = memory.of(visit.slot(tensor));
            bring(gathered.track(), visit, step);
            PendingUpdates last =
                    PendingUpdates.of(
                                    step - 1,
                                    foldEvery(),
                                    visit.updatesAfter(step - 1).subList(0, 1))
                            .flushed();
            dense.fold(stored, PassPlan.reading(last, true).withGathered(gathered.track().left()));
        }
    }

    /** Whether updates are pending that are not due to be folded. */
    private boolean addsBeside(HostVisit visit, int tensor) {
        PendingUpdates pending = visit.pending(tensor);
        if (pending.lastStep() - pending.appliedThrough() > foldEvery()) {
            throw new IllegalStateException(
                    "block holds step "
                            + pending.appliedThrough()
                            + " and lags behind step "
                            + pending.lastStep()
                            + " by more than one fold");
        }
        return pending.lastStep() > pending.foldThrough();
    }

    private LowRankPlan plan(
            HostVisit visit, int tensor, boolean store, Optional<LowRankPlan.Side> side) {
        PendingUpdates pending = visit.pending(tensor);
        Optional<LowRankPlan.Fold> fold =
                pending.folds()
                        ? Optional.of(fold(visit, tensor, pending.foldThrough(), store))
                        : Optional.empty();
        return new LowRankPlan(LowRankSize.columnsOf(visit.slot(tensor)), fold, side);
    }

    /** The fold after a step, which is the next one that the stored bytes have not seen. */
    private LowRankPlan.Fold fold(HostVisit visit, int tensor, long step, boolean store) {
        Gathered gathered = memory.of(visit.slot(tensor));
        FactorTrack track = gathered.track();
        bring(track, visit, step);
        // A side of this plan may be of the next window, and is written already.
        FixedFactors.Pair factors = fixed.ofFold(gathered, step);
        LeftSide left = track.side(true, factors.left(), cores(memory.foldCore()), List.of());
        kernels[0].cores(left);
        long seed = visit.updatesAfter(step - 1).getFirst().seed();
        MemorySegment right = direction.core().fixesRight() ? factors.right() : track.left();
        return new LowRankPlan.Fold(track.decay(), left, right, seed, store);
    }

    private TensorForm form(StoredTensor tensor, LowRankPlan plan) {
        return new PlannedForm<>(passes, outputs, tensor, plan, plan.outputs());
    }

    private Gathered upToDate(HostVisit visit, int tensor) {
        Gathered gathered = memory.of(visit.slot(tensor));
        PendingUpdates pending = visit.pending(tensor);
        if (pending.lastStep() > pending.appliedThrough()) {
            bring(gathered.track(), visit, pending.lastStep());
        }
        return gathered;
    }

    private void bring(FactorTrack track, HostVisit visit, long step) {
        track.aim(step);
        while (track.step() < step) {
            List<Update> rest =
                    visit.updatesAfter(track.step())
                            .subList(0, Math.toIntExact(step - track.step()));
            FactorTrack.Leg leg =
                    track.isOrthogonal(rest.getFirst())
                            ? track.orthogonalLeg(
                                    rest.getFirst(), orthogonal.of(track, rest.getFirst()))
                            : track.leg(upToOrthogonal(track, rest), kernels[0]);
            FixedFactors.shareRows(
                    pool,
                    track.trackRows(),
                    (from, to, worker) -> kernels[worker].advance(track, leg, from, to));
            track.complete(leg);
        }
    }

    private static List<Update> upToOrthogonal(FactorTrack track, List<Update> updates) {
        for (int index = 1; index < updates.size(); index++) {
            if (track.isOrthogonal(updates.get(index))) {
                return updates.subList(0, index);
            }
        }
        return updates;
    }
}
