package io.millrace.executor.cuda.lowrank;

import io.millrace.executor.cuda.kernel.DeviceKernels;
import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.kernel.FoldProgram;
import io.millrace.executor.cuda.kernel.FoldPrograms;
import io.millrace.executor.cuda.kernel.LowRankKernels;
import io.millrace.executor.cuda.kernel.ThinFold;
import io.millrace.executor.cuda.kernel.ThinMatrix;
import io.millrace.executor.cuda.kernel.ThinSide;
import io.millrace.executor.cuda.kernel.WeightPass;
import io.millrace.executor.cuda.weight.DeviceGemm;
import io.millrace.executor.cuda.weight.DeviceLinear;
import io.millrace.executor.cuda.weight.DevicePasses;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.cuda.weight.DeviceVisit;
import io.millrace.executor.step.Coverage;
import io.millrace.executor.step.LowRankSize;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.device.CudaDevice;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.direction.LowRankDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.FactorSchedule;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Update;
import io.millrace.prefetch.BlockLease;
import java.util.List;
import java.util.Optional;

/**
 * The low-rank way: matrices are only read until their updates are folded; what the updates since
 * then and the query add is a product of thin factors. Other tensors are formed the dense way, with
 * the same schedule of folds.
 */
public final class DeviceLowRankPasses implements DevicePasses {
    private final CudaApi api;
    private final long stream;
    private final Kernels kernels;
    private final DeviceScratch scratch;
    private final DeviceFactors factors;
    private final LowRankDirection direction;
    private final Rounding rounding;
    private final int foldEvery;
    private final DeviceLinear linear;

    /**
     * What it launches.
     *
     * @param dense forms tensors that are no matrices
     * @param lowRank all else
     * @param programs what updates do
     */
    public record Kernels(DeviceKernels dense, LowRankKernels lowRank, FoldPrograms programs) {}

    /**
     * Passes for a run.
     *
     * @param device whose compute stream is launched on
     * @param scratch with a plan for the direction
     * @param rounding how folded weights are rounded
     * @param foldEvery steps from one rounding into the stored weights to the next
     */
    public DeviceLowRankPasses(
            CudaDevice device,
            Kernels kernels,
            DeviceGemm gemm,
            DeviceScratch scratch,
            LowRankDirection direction,
            Rounding rounding,
            int foldEvery) {
        api = device.api();
        stream = device.compute().handle();
        this.kernels = kernels;
        this.scratch = scratch;
        this.direction = direction;
        this.rounding = rounding;
        this.foldEvery = foldEvery;
        factors = new DeviceFactors(device, scratch, foldEvery);
        linear = new DeviceLowRankLinear(gemm, scratch, kernels.lowRank(), this);
    }

    @Override
    public DeviceLinear linear() {
        return linear;
    }

    @Override
    public void prepare(BlockLease lease, BlockLayout block, UpdateLog updates) {
        // Legs are cut to what fits, and a fold that was missed is made before the visit.
    }

    @Override
    public void begin(DeviceVisit visit) {
        PendingUpdates pending = visit.pending();
        long lag = pending.lastStep() - pending.appliedThrough();
        if (lag > foldEvery) {
            throw new IllegalStateException(
                    "block holds step "
                            + pending.appliedThrough()
                            + " and lags behind step "
                            + pending.lastStep()
                            + " by more than one fold");
        }
        // A block of frozen tensors gathers nothing.
        if (lag > 0 && factors.of(visit.block()).count() > 0) {
            bring(visit, pending.lastStep());
        }
    }

    /** Moves what the block's updates have gathered to a step. */
    private void bring(DeviceVisit visit, long step) {
        DeviceFactors.Block block = factors.of(visit.block());
        FactorSchedule schedule = block.schedule();
        schedule.aim(step);
        if (schedule.step() == 0 && block.momentumBytes() > 0) {
            api.fill(block.momentum(), (byte) 0, block.momentumBytes(), stream);
        }
        while (schedule.step() < step) {
            List<Update> rest =
                    visit.updatesAfter(schedule.step())
                            .subList(0, Math.toIntExact(step - schedule.step()));
            // Sums are float32 values in memory, so where they are cut does not show.
            int fit = Math.max(1, kernels.programs().fitting(rest));
            FactorSchedule.Leg leg = schedule.leg(rest.subList(0, fit));
            if (leg.turns()) {
                turn(visit, schedule.step());
            }
            FoldProgram program = kernels.programs().gathering(leg.updates(), schedule);
            kernels.lowRank().gather(block.table(), block.count(), block.longest(), program);
            schedule.complete(leg);
        }
    }

    /** Turns N of all matrices from the window that ends with a step to the next. */
    private void turn(DeviceVisit visit, long lastStep) {
        long before = scratch.address(Part.FOLD_RIGHT);
        long after = scratch.address(Part.RIGHT);
        long overlap = scratch.address(Part.OVERLAP);
        long turned = scratch.address(Part.SIDES);
        for (int index = 0; index < visit.tensorCount(); index++) {
            long momentum = factors.momentum(visit.slot(index));
            if (momentum == 0) {
                continue;
            }
            ThinMatrix matrix = matrix(visit, index);
            kernels.lowRank().right(matrix, direction.rightSeed(lastStep), before);
            kernels.lowRank().right(matrix, direction.rightSeed(lastStep + 1), after);
            kernels.lowRank().overlap(matrix, before, after, overlap);
            kernels.lowRank().turn(matrix, momentum, overlap, turned);
            long bytes = matrix.rows() * matrix.rank() * Float.BYTES;
            api.copyDtoD(momentum, turned, bytes, stream);
        }
    }

    ThinMatrix matrix(DeviceVisit visit, int tensor) {
        long columns = LowRankSize.columnsOf(visit.slot(tensor));
        return new ThinMatrix(visit.tensor(tensor), columns, direction.rank(), direction.scale());
    }

    @Override
    public void vector(DeviceVisit visit, int tensor, Query query, long place, long stride) {
        PendingUpdates pending = visit.pending(tensor);
        FoldProgram program = FoldProgram.EMPTY;
        if (pending.folds()) {
            program = kernels.programs().folding(pending.update(pending.size() - 1));
        }
        if (pending.size() > 0) {
            program = program.withSums(factors.left(visit.slot(tensor)));
        }
        long elements = visit.slot(tensor).elementCount();
        try (Coverage whole = visit.cover(tensor)) {
            kernels.dense()
                    .form(
                            pass(query),
                            program,
                            visit.tensor(tensor),
                            visit.storesNow(tensor),
                            0,
                            elements,
                            place,
                            stride,
                            DType.F32);
            whole.add(elements);
        }
    }

    private WeightPass pass(Query query) {
        return WeightPass.of(GaussianDirection.NAME, rounding, query);
    }

    @Override
    public void rows(DeviceVisit visit, int tensor, Query query, Rows rows, DeviceMatrix out) {
        ThinMatrix matrix = matrix(visit, tensor);
        ThinSide side =
                side(visit, tensor, query)
                        .orElseGet(
                                () -> new ThinSide(0, 0, Decay.NONE, query.seed(), query.scales()));
        if (side.right() != 0) {
            kernels.lowRank().right(matrix, direction.rightSeed(visit.step()), side.right());
        }
        kernels.lowRank()
                .rows(
                        matrix,
                        foldSeen(visit, tensor),
                        side,
                        rows.ids(),
                        rows.idOffset(),
                        rows.count(),
                        rows.factor(),
                        rows.accumulate(),
                        out);
    }

    /** What a query sees beside what is folded by now; nothing where that is all. */
    Optional<ThinSide> side(DeviceVisit visit, int tensor, Query query) {
        PendingUpdates pending = visit.pending(tensor);
        boolean gathered = pending.lastStep() > pending.foldThrough();
        if (!gathered && query.isStill()) {
            return Optional.empty();
        }
        return Optional.of(
                new ThinSide(
                        gathered ? factors.left(visit.slot(tensor)) : 0,
                        scratch.address(Part.RIGHT),
                        gathered ? factors.of(visit.block()).schedule().decay() : Decay.NONE,
                        query.seed(),
                        query.scales()));
    }

    /** The seed of V as queries of a visit see it. */
    long rightSeed(DeviceVisit visit) {
        return direction.rightSeed(visit.step());
    }

    /** What is folded by now without being stored. */
    ThinFold foldSeen(DeviceVisit visit, int tensor) {
        PendingUpdates pending = visit.pending(tensor);
        return pending.folds()
                ? matrixFold(visit, tensor, pending.foldThrough(), false)
                : ThinFold.NONE;
    }

    /** Stores a matrix that is to be stored now, so that its bytes are what products read. */
    void foldNow(DeviceVisit visit, int tensor) {
        try (Coverage whole = visit.cover(tensor)) {
            whole.add(storeMatrix(visit, tensor, visit.pending(tensor).foldThrough()));
        }
    }

    @Override
    public void fold(DeviceVisit visit) {
        PendingUpdates pending = visit.pending();
        List<Integer> tensors = visit.unfolded();
        for (long step = pending.appliedThrough() + 1; step <= pending.foldThrough(); step++) {
            if (!pending.foldsAfter(step)) {
                continue;
            }
            bring(visit, step);
            for (int tensor : tensors) {
                if (LowRankSize.isMatrix(visit.slot(tensor))) {
                    storeMatrix(visit, tensor, step);
                } else {
                    storeVector(visit, tensor, step);
                }
            }
        }
    }

    /** Stores all of a matrix; so many elements. */
    private long storeMatrix(DeviceVisit visit, int tensor, long step) {
        ThinFold fold = matrixFold(visit, tensor, step, true);
        ThinMatrix matrix = matrix(visit, tensor);
        kernels.lowRank().form(matrix, fold, 0, matrix.rows(), 0, DType.F32);
        return matrix.rows() * matrix.columns();
    }

    private ThinFold matrixFold(DeviceVisit visit, int tensor, long step, boolean stores) {
        long right = scratch.address(Part.FOLD_RIGHT);
        kernels.lowRank().right(matrix(visit, tensor), direction.rightSeed(step), right);
        return new ThinFold(
                factors.left(visit.slot(tensor)),
                right,
                factors.of(visit.block()).schedule().decay(),
                rounding == Rounding.STOCHASTIC,
                updateOf(visit, step).seed(),
                stores);
    }

    private void storeVector(DeviceVisit visit, int tensor, long step) {
        TensorSlot slot = visit.slot(tensor);
        FoldProgram program = kernels.programs().folding(updateOf(visit, step));
        kernels.dense()
                .form(
                        pass(Query.AT_THETA),
                        program.withSums(factors.left(slot)),
                        visit.tensor(tensor),
                        true,
                        0,
                        slot.elementCount(),
                        0,
                        0,
                        DType.F32);
    }

    private static Update updateOf(DeviceVisit visit, long step) {
        return visit.updatesAfter(step - 1).getFirst();
    }
}
