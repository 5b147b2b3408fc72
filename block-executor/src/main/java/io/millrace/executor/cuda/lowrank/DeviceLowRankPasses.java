package io.millrace.executor.cuda.lowrank;

import io.millrace.executor.cuda.kernel.CoreKernels;
import io.millrace.executor.cuda.kernel.DeviceKernels;
import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.kernel.FoldProgram;
import io.millrace.executor.cuda.kernel.FoldPrograms;
import io.millrace.executor.cuda.kernel.LowRankKernels;
import io.millrace.executor.cuda.kernel.OrthogonalKernels;
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
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.FactoredDirection.Core;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.FactorSchedule;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Update;
import io.millrace.prefetch.BlockLease;
import java.util.List;
import java.util.Optional;

/**
 * The way of thin factors: matrices are only read until their updates are folded; what the updates
 * since then and the query add is a product of thin factors. Other tensors are formed the dense
 * way, with the same schedule of folds.
 */
public final class DeviceLowRankPasses implements DevicePasses, ThinMatrices {
    private final CudaApi api;
    private final long stream;
    private final Kernels kernels;
    private final DeviceScratch scratch;
    private final DeviceFactors factors;
    private final FactoredDirection direction;
    private final DeviceThin thin;
    private final int coreStream;
    private final Rounding rounding;
    private final int foldEvery;
    private final int together;
    private final DeviceLinear linear;

    /**
     * What it launches.
     *
     * @param dense forms tensors that are no matrices
     * @param lowRank all else
     * @param cores what makes factors that stay
     * @param orthogonal what makes estimates orthogonal
     * @param programs what updates do
     */
    public record Kernels(
            DeviceKernels dense,
            LowRankKernels lowRank,
            CoreKernels cores,
            OrthogonalKernels orthogonal,
            FoldPrograms programs) {}

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
            FactoredDirection direction,
            Rounding rounding,
            int foldEvery) {
        api = device.api();
        stream = device.compute().handle();
        this.kernels = kernels;
        this.scratch = scratch;
        this.direction = direction;
        this.rounding = rounding;
        this.foldEvery = foldEvery;
        // Rows of E4M3 share a scale, which is of one query's.
        together = gemm.quantizes() ? 0 : scratch.scalesAtOnce();
        factors = new DeviceFactors(device, scratch, foldEvery);
        coreStream = direction.coreStream().orElseThrow();
        thin = thin(device, kernels, scratch, direction);
        linear = new DeviceLowRankLinear(gemm, scratch, kernels.lowRank(), this);
    }

    private static DeviceThin thin(
            CudaDevice device,
            Kernels kernels,
            DeviceScratch scratch,
            FactoredDirection direction) {
        return switch (direction.core()) {
            case LEFT -> new DeviceLeftFactors(kernels.lowRank(), scratch, direction);
            case SQUARE, DIAGONAL ->
                    new DeviceFixedFactors(
                            kernels.cores(),
                            scratch,
                            direction,
                            new DeviceWindows(device, kernels.cores(), scratch, direction));
            case RIGHT ->
                    new DeviceRightFactors(
                            kernels.cores(),
                            scratch,
                            direction,
                            new DeviceWindows(device, kernels.cores(), scratch, direction));
            case PAIR -> throw new IllegalArgumentException("no factor of a pair is fixed");
        };
    }

    @Override
    public DeviceLinear linear() {
        return linear;
    }

    @Override
    public int scalesAtOnce() {
        return together;
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
                    alike(
                            visit.updatesAfter(schedule.step())
                                    .subList(0, Math.toIntExact(step - schedule.step())));
            // Sums are float32 values in memory, so where they are cut does not show.
            int fit = Math.max(1, kernels.programs().fitting(rest));
            FactorSchedule.Leg leg = schedule.leg(rest.subList(0, fit));
            if (leg.turns()) {
                turn(visit, schedule.step());
            }
            FoldProgram program = kernels.programs().gathering(leg.updates(), schedule);
            Optional<Update.Orthogonal> orthogonal = leg.updates().getFirst().orthogonal();
            int stream = orthogonal.isPresent() ? 0 : coreStream;
            kernels.lowRank()
                    .gather(block.table(), block.count(), block.longest(), program, stream);
            orthogonal.ifPresent(rule -> gatherAlong(visit, program, rule));
            schedule.complete(leg);
        }
    }

    /** The first updates of some that are one step along an estimate, or none of them that. */
    private static List<Update> alike(List<Update> updates) {
        int count = 1;
        while (count < updates.size()
                && updates.getFirst().orthogonal().isEmpty()
                && updates.get(count).orthogonal().isEmpty()) {
            count++;
        }
        return updates.subList(0, count);
    }

    /** Moves what matrices have gathered along the estimates of one update. */
    private void gatherAlong(DeviceVisit visit, FoldProgram program, Update.Orthogonal rule) {
        LowRankSize size = scratch.plan().factors().orElseThrow().size();
        long first = scratch.address(Part.ESTIMATE);
        OrthogonalKernels.Work work =
                new OrthogonalKernels.Work(
                        first,
                        first + size.estimate() * Float.BYTES,
                        scratch.address(Part.ESTIMATE_SQUARES));
        for (int index = 0; index < visit.tensorCount(); index++) {
            TensorSlot slot = visit.slot(index);
            if (!slot.isTrained() || !LowRankSize.isMatrix(slot)) {
                continue;
            }
            ThinMatrix matrix = matrix(visit, index);
            OrthogonalKernels.Estimate estimate =
                    new OrthogonalKernels.Estimate(
                            program,
                            slot.tensorId(),
                            coreStream,
                            matrix.rank(),
                            matrix.columns(),
                            rule.iterations());
            kernels.orthogonal().gather(estimate, work, factors.left(slot));
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
            kernels.lowRank().right(matrix, direction.fixedSeed(lastStep), before);
            kernels.lowRank().right(matrix, direction.fixedSeed(lastStep + 1), after);
            kernels.lowRank().overlap(matrix, before, after, overlap);
            kernels.lowRank().turn(matrix, momentum, overlap, turned);
            long bytes = matrix.rows() * matrix.rank() * Float.BYTES;
            api.copyDtoD(momentum, turned, bytes, stream);
        }
    }

    @Override
    public ThinMatrix matrix(DeviceVisit visit, int tensor) {
        long rows = LowRankSize.rowsOf(visit.slot(tensor));
        long columns = LowRankSize.columnsOf(visit.slot(tensor));
        // Cores hold κ already, and so does what is made of them.
        float factor = direction.core() == Core.LEFT ? direction.scale(rows, columns) : 1;
        return new ThinMatrix(visit.tensor(tensor), columns, direction.rank(rows, columns), factor);
    }

    @Override
    public void vector(
            DeviceVisit visit, int tensor, List<Query> queries, long place, long stride) {
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
            long at = place;
            for (int query = 0; query < queries.size(); query++) {
                // The others fold what is stored once more on their way, so the last one stores.
                boolean last = query == queries.size() - 1;
                kernels.dense()
                        .form(
                                pass(queries.get(query)),
                                program,
                                visit.tensor(tensor),
                                last && visit.storesNow(tensor),
                                0,
                                elements,
                                at,
                                stride,
                                DType.F32);
                at += queries.get(query).scales().size() * stride * Float.BYTES;
            }
            whole.add(elements);
        }
    }

    private WeightPass pass(Query query) {
        return WeightPass.of(GaussianDirection.NAME, rounding, query);
    }

    @Override
    public void rows(
            DeviceVisit visit, int tensor, List<Query> queries, Rows rows, DeviceMatrix out) {
        boolean still = queries.stream().allMatch(Query::isStill);
        boolean beside = isBeside(visit, tensor, still);
        if (beside) {
            thin.ready(at(visit, tensor));
        }
        ThinFold fold = foldSeen(visit, tensor);
        int scale = 0;
        for (Query query : queries) {
            ThinSide side =
                    beside
                            ? thin.lookUp(at(visit, tensor), decay(visit, tensor), query)
                            : ThinSide.none(query.seed(), query.scales());
            kernels.lowRank().rows(matrix(visit, tensor), fold, side, rows.of(out.scale(scale)));
            scale += query.scales().size();
        }
    }

    @Override
    public boolean isBeside(DeviceVisit visit, int tensor, boolean still) {
        return isGathered(visit, tensor) || !still;
    }

    /** Whether updates are pending that are not due to be folded. */
    private static boolean isGathered(DeviceVisit visit, int tensor) {
        PendingUpdates pending = visit.pending(tensor);
        return pending.lastStep() > pending.foldThrough();
    }

    @Override
    public Decay decay(DeviceVisit visit, int tensor) {
        return isGathered(visit, tensor)
                ? factors.of(visit.block()).schedule().decay()
                : Decay.NONE;
    }

    @Override
    public DeviceThin.Factors factors(DeviceVisit visit, int tensor, List<Query> queries) {
        return thin.factors(at(visit, tensor), queries);
    }

    /** A matrix as queries of a visit see it. */
    private DeviceThin.At at(DeviceVisit visit, int tensor) {
        TensorSlot slot = visit.slot(tensor);
        long left = isGathered(visit, tensor) ? factors.left(slot) : 0;
        return new DeviceThin.At(slot, matrix(visit, tensor), visit.step(), left);
    }

    @Override
    public boolean isPlain(DeviceVisit visit, int tensor) {
        return !visit.pending(tensor).folds();
    }

    /** A matrix with what is folded by now, and no more. */
    @Override
    public Base base(DeviceVisit visit, int tensor) {
        if (!visit.tensor(tensor).isPlain()) {
            return ThinMatrices.packed(kernels.dense().packed(), visit, tensor);
        }
        ThinFold fold = foldSeen(visit, tensor);
        ThinMatrix matrix = matrix(visit, tensor);
        return (firstRow, rows, place, type) ->
                kernels.lowRank().form(matrix, fold, firstRow, rows, place, type);
    }

    /** What is folded by now without being stored. */
    private ThinFold foldSeen(DeviceVisit visit, int tensor) {
        PendingUpdates pending = visit.pending(tensor);
        return pending.folds()
                ? matrixFold(visit, tensor, pending.foldThrough(), false)
                : ThinFold.NONE;
    }

    @Override
    public void storeNow(DeviceVisit visit, int tensor) {
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
        TensorSlot slot = visit.slot(tensor);
        DeviceThin.Fold added =
                thin.fold(new DeviceThin.At(slot, matrix(visit, tensor), step, factors.left(slot)));
        return new ThinFold(
                added.left(),
                added.right(),
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
