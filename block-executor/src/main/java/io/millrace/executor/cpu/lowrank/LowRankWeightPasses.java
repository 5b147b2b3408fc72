package io.millrace.executor.cpu.lowrank;

import io.millrace.executor.cpu.dense.DenseWeightPasses;
import io.millrace.executor.cpu.lowrank.LowRankMemory.Gathered;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.param.FactorKernels;
import io.millrace.executor.cpu.param.FactorTrack;
import io.millrace.executor.cpu.param.LowRankPass;
import io.millrace.executor.cpu.param.LowRankPlan;
import io.millrace.executor.cpu.param.PassPlan;
import io.millrace.executor.cpu.param.StoredTensor;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.HostVisit;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.cpu.weight.PassOutputs;
import io.millrace.executor.cpu.weight.TensorForm;
import io.millrace.executor.cpu.weight.WeightPasses;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.LowRankSize;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.direction.LowRankDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Update;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * The low-rank way: matrices are only read until their updates are folded; what the updates since
 * then and the query add is a product of thin factors. Other tensors are formed the dense way, with
 * the same schedule of folds.
 */
public final class LowRankWeightPasses implements WeightPasses {
    private static final int FACTOR_ROWS_PER_TASK = 512;
    private static final MemorySegment[] NO_OUTPUTS = {};
    private static final long[] NO_OFFSETS = {};

    private final WorkerPool pool;
    private final LowRankDirection direction;
    private final DenseWeightPasses dense;
    private final LowRankMemory memory;
    private final FactorKernels[] kernels;
    private final LowRankPass[] passes;
    private final PassOutputs[] outputs;

    /**
     * Passes for every worker of a pool.
     *
     * @param pool the workers
     * @param direction the direction
     * @param rounding how folded weights are rounded
     * @param foldEvery steps from one rounding into the stored weights to the next
     * @param scales the most scales that a query has
     * @param memory what they own
     */
    public LowRankWeightPasses(
            WorkerPool pool,
            LowRankDirection direction,
            Rounding rounding,
            int foldEvery,
            int scales,
            LowRankMemory memory) {
        this.pool = pool;
        this.direction = direction;
        this.memory = memory;
        dense = new DenseWeightPasses(pool, new GaussianDirection(), rounding, foldEvery, scales);
        kernels = new FactorKernels[pool.workers()];
        passes = new LowRankPass[pool.workers()];
        outputs = new PassOutputs[pool.workers()];
        for (int worker = 0; worker < kernels.length; worker++) {
            kernels[worker] = new FactorKernels(direction.rank());
            passes[worker] = new LowRankPass(direction.rank(), rounding);
            outputs[worker] = new PassOutputs(scales);
        }
    }

    /**
     * What is added to the product with a matrix as it is stored: {@code decay · θ} and, for every
     * scale, {@code sides · right}.
     *
     * @param decay factor on the product
     * @param right Vᵀ, [r, n]
     * @param sides (L + s U)ᵀ / √r, [scales, r, m]
     * @param sideStride elements from one scale's to the next
     */
    record Beside(float decay, Floats right, Floats sides, long sideStride) {}

    @Override
    public WorkerPool pool() {
        return pool;
    }

    @Override
    public int foldEvery() {
        return dense.foldEvery();
    }

    @Override
    public LinearProgram linear(CpuWorkers workers, Scratch scratch) {
        return new LowRankLinear(workers, scratch, this);
    }

    int rank() {
        return direction.rank();
    }

    Floats products() {
        return memory.products();
    }

    @Override
    public TensorForm form(HostVisit visit, int tensor, Query query, boolean store) {
        TensorSlot slot = visit.slot(tensor);
        if (!slot.isTrained()) {
            return dense.form(visit, tensor, query, false);
        }
        boolean beside = addsBeside(visit, tensor);
        Gathered gathered = upToDate(visit, tensor);
        if (!LowRankSize.isMatrix(slot)) {
            return dense.form(visit, tensor, query, store, gathered.track().left());
        }
        Optional<LowRankPlan.Side> side = Optional.empty();
        if (beside || !query.isAtTheta()) {
            side =
                    Optional.of(
                            new LowRankPlan.Side(
                                    beside ? gathered.track().decay() : Decay.NONE,
                                    beside
                                            ? Optional.of(gathered.track().left())
                                            : Optional.empty(),
                                    right(gathered, visit.step()),
                                    query.seed(),
                                    query.scales()));
        }
        return new Form(visit.stored(tensor), plan(visit, tensor, store, side));
    }

    /** A matrix as the products beside it expect it: with what is folded by now, and no more. */
    TensorForm base(HostVisit visit, int tensor) {
        boolean store = visit.storesNow(tensor);
        return new Form(visit.stored(tensor), plan(visit, tensor, store, Optional.empty()));
    }

    /** Whether the stored bytes are what {@link #base} would form in a type. */
    boolean isBase(HostVisit visit, int tensor, DType type) {
        return visit.slot(tensor).dtype() == type && !visit.pending(tensor).folds();
    }

    /** What belongs beside the product with {@link #base}; the last one made is valid. */
    Beside beside(HostVisit visit, int tensor, Query query) {
        boolean pending = addsBeside(visit, tensor);
        Gathered gathered = upToDate(visit, tensor);
        FactorTrack track = gathered.track();
        MemorySegment right = right(gathered, visit.step());
        MemorySegment sides = memory.sides().segment();
        shareRows(
                track.rows(),
                (from, to, worker) ->
                        kernels[worker].sides(track, pending, query, from, to, sides));
        return new Beside(
                pending ? track.decay().ofProduct() : 1,
                new Floats(right, 0),
                memory.sides(),
                direction.rank() * track.rows());
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
                            direction,
                            LowRankSize.columnsOf(visit.slot(tensor)),
                            Optional.of(fold(visit, tensor, step, true)),
                            Optional.empty());
            TensorForm.share(
                    pool,
                    stored.elements(),
                    (first, count, worker) ->
                            passes[worker].range(
                                    stored, plan, first, count, NO_OUTPUTS, NO_OFFSETS));
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
        return new LowRankPlan(direction, LowRankSize.columnsOf(visit.slot(tensor)), fold, side);
    }

    /** The fold after a step, which is the next one that the stored bytes have not seen. */
    private LowRankPlan.Fold fold(HostVisit visit, int tensor, long step, boolean store) {
        Gathered gathered = memory.of(visit.slot(tensor));
        FactorTrack track = gathered.track();
        bring(track, visit, step);
        MemorySegment right = gathered.right();
        // A side of this plan may be of the next window, and is written already.
        if (!gathered.keepsWindow(direction.windowOf(step))) {
            right = memory.foldRight().segment();
            writeRight(track, step, right);
        }
        long seed = visit.updatesAfter(step - 1).getFirst().seed();
        return new LowRankPlan.Fold(track.decay(), track.left(), right, seed, store);
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
            FactorTrack.Leg leg = track.leg(rest, kernels[0]);
            shareRows(
                    track.rows(),
                    (from, to, worker) -> kernels[worker].advance(track, leg, from, to));
            track.complete(leg);
        }
    }

    /** Vᵀ as it is in a step. */
    private MemorySegment right(Gathered gathered, long step) {
        long window = direction.windowOf(step);
        if (!gathered.keepsWindow(window)) {
            writeRight(gathered.track(), step, gathered.right());
            gathered.keepWindow(window);
        }
        return gathered.right();
    }

    private void writeRight(FactorTrack track, long step, MemorySegment place) {
        shareRows(
                track.columns(),
                (from, to, worker) -> kernels[worker].right(track, step, from, to, place));
    }

    private void shareRows(long rows, TensorForm.Piece piece) {
        int tasks = Math.toIntExact((rows + FACTOR_ROWS_PER_TASK - 1) / FACTOR_ROWS_PER_TASK);
        pool.parallelFor(
                tasks,
                Operator.FORM,
                (index, worker) -> {
                    long from = (long) index * FACTOR_ROWS_PER_TASK;
                    piece.run(from, Math.min(rows, from + FACTOR_ROWS_PER_TASK), worker);
                });
    }

    @Override
    public void close() {
        memory.close();
    }

    private final class Form implements TensorForm {
        private final StoredTensor tensor;
        private final LowRankPlan plan;

        Form(StoredTensor tensor, LowRankPlan plan) {
            this.tensor = tensor;
            this.plan = plan;
        }

        @Override
        public void range(long first, long count, Floats place, long stride, int worker) {
            PassOutputs out = outputs[worker].aim(plan.outputs(), place, stride);
            passes[worker]
                    .writing(place.type())
                    .range(tensor, plan, first, count, out.memory(), out.offsets());
        }

        @Override
        public void columns(int from, int count, Floats place, long stride, int worker) {
            PassOutputs out = outputs[worker].aim(plan.outputs(), place, stride);
            passes[worker]
                    .writing(place.type())
                    .columns(tensor, plan, from, count, out.memory(), out.offsets());
        }
    }
}
