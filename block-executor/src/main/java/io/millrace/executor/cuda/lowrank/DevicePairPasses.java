package io.millrace.executor.cuda.lowrank;

import io.millrace.executor.cuda.kernel.DeviceKernels;
import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.kernel.DeviceTensor;
import io.millrace.executor.cuda.kernel.FoldProgram;
import io.millrace.executor.cuda.kernel.FoldPrograms;
import io.millrace.executor.cuda.kernel.LowRankKernels;
import io.millrace.executor.cuda.kernel.PairKernels;
import io.millrace.executor.cuda.kernel.ThinMatrix;
import io.millrace.executor.cuda.kernel.ThinSide;
import io.millrace.executor.cuda.kernel.WeightPass;
import io.millrace.executor.cuda.weight.DeviceForming;
import io.millrace.executor.cuda.weight.DeviceGemm;
import io.millrace.executor.cuda.weight.DeviceLinear;
import io.millrace.executor.cuda.weight.DevicePasses;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.cuda.weight.DeviceVisit;
import io.millrace.executor.cuda.weight.PendingPieces;
import io.millrace.executor.step.Coverage;
import io.millrace.executor.step.LowRankSize;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.Update;
import io.millrace.prefetch.BlockLease;
import java.util.List;

/**
 * The way of pairs of thin factors that are all a query's own: matrices are read as they are
 * stored, with thin products of each query beside, and updates are added to them as those of dense
 * directions are, a product of factors for each term. Other tensors are formed the dense way.
 */
public final class DevicePairPasses implements DevicePasses, ThinMatrices {
    private final Kernels kernels;
    private final DeviceScratch scratch;
    private final LowRankSize size;
    private final FactoredDirection direction;
    private final Rounding rounding;
    private final int together;
    private final PendingPieces pieces;
    private final DeviceLinear linear;

    /**
     * What it launches.
     *
     * @param dense forms tensors that are no matrices
     * @param thin products, and the factors of queries
     * @param pairs what brings matrices up to date
     * @param programs what updates do
     */
    public record Kernels(
            DeviceKernels dense, LowRankKernels thin, PairKernels pairs, FoldPrograms programs) {}

    /**
     * Passes for a run.
     *
     * @param scratch with a plan for the direction
     * @param rounding how folded weights are rounded
     * @param foldEvery steps from one rounding into the stored weights to the next
     */
    public DevicePairPasses(
            Kernels kernels,
            DeviceGemm gemm,
            DeviceScratch scratch,
            FactoredDirection direction,
            Rounding rounding,
            int foldEvery) {
        this.kernels = kernels;
        this.scratch = scratch;
        this.direction = direction;
        this.rounding = rounding;
        size = scratch.plan().factors().orElseThrow().size();
        // Rows of E4M3 share a scale, which is of one query's.
        together = gemm.quantizes() ? 0 : scratch.scalesAtOnce();
        pieces = new PendingPieces(foldEvery, this::fitting);
        linear = new DeviceLowRankLinear(gemm, scratch, kernels.thin(), this);
    }

    /** How many of some updates there is room for, in a program and in the factors of its terms. */
    private int fitting(List<Update> updates) {
        int count = 0;
        long terms = 0;
        while (count < kernels.programs().fitting(updates)) {
            terms += updates.get(count).terms().size();
            if (terms > size.mostTerms()) {
                return count;
            }
            count++;
        }
        return count;
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
        pieces.prepare(
                lease,
                block,
                updates,
                pending -> {
                    FoldProgram program = kernels.programs().of(pending);
                    for (int index = 0; index < block.tensors().size(); index++) {
                        TensorSlot slot = block.tensors().get(index);
                        if (slot.isTrained()) {
                            store(slot, DeviceVisit.tensor(lease, block, index), program);
                        }
                    }
                });
    }

    @Override
    public void begin(DeviceVisit visit) {
        // Factors are made when a tensor is formed.
    }

    /** Brings a whole tensor up to date and stores it. */
    private void store(TensorSlot slot, DeviceTensor tensor, FoldProgram program) {
        if (LowRankSize.isMatrix(slot)) {
            ThinMatrix matrix = matrix(slot, tensor);
            kernels.pairs()
                    .form(
                            matrix,
                            terms(matrix, program),
                            isStochastic(),
                            true,
                            0,
                            matrix.rows(),
                            0,
                            DType.F32);
            return;
        }
        WeightPass pass = pass(Query.AT_THETA);
        kernels.dense().form(pass, program, tensor, true, 0, tensor.elements(), 0, 0, DType.F32);
    }

    private boolean isStochastic() {
        return rounding == Rounding.STOCHASTIC;
    }

    private WeightPass pass(Query query) {
        return WeightPass.of(GaussianDirection.NAME, rounding, query);
    }

    /** The factors of a program's terms; the last ones made are valid. */
    private PairKernels.Terms terms(ThinMatrix matrix, FoldProgram program) {
        if (program.count() == 0) {
            return PairKernels.Terms.NONE;
        }
        PairKernels.Terms terms =
                new PairKernels.Terms(
                        program,
                        scratch.address(Part.TERM_LEFTS),
                        scratch.address(Part.TERM_RIGHTS));
        kernels.pairs().terms(matrix, terms);
        return terms;
    }

    private PairKernels.Terms terms(DeviceVisit visit, int tensor) {
        return terms(matrix(visit, tensor), kernels.programs().of(visit.pending(tensor)));
    }

    private ThinMatrix matrix(TensorSlot slot, DeviceTensor tensor) {
        long rows = LowRankSize.rowsOf(slot);
        long columns = LowRankSize.columnsOf(slot);
        int rank = direction.rank(rows, columns);
        return new ThinMatrix(tensor, columns, rank, direction.scale(rows, columns));
    }

    @Override
    public ThinMatrix matrix(DeviceVisit visit, int tensor) {
        return matrix(visit.slot(tensor), visit.tensor(tensor));
    }

    @Override
    public void vector(
            DeviceVisit visit, int tensor, List<Query> queries, long place, long stride) {
        long at = place;
        for (Query query : queries) {
            try (DeviceForming forming =
                    new DeviceForming(
                            visit,
                            tensor,
                            (first, count, to, apart, type) ->
                                    kernels.dense()
                                            .form(
                                                    pass(query),
                                                    kernels.programs().of(visit.pending(tensor)),
                                                    visit.tensor(tensor),
                                                    visit.storesNow(tensor),
                                                    first,
                                                    count,
                                                    to,
                                                    apart,
                                                    type))) {
                forming.range(0, visit.tensor(tensor).elements(), at, stride, DType.F32);
            }
            at += query.scales().size() * stride * Float.BYTES;
        }
    }

    @Override
    public void rows(
            DeviceVisit visit, int tensor, List<Query> queries, Rows rows, DeviceMatrix out) {
        ThinMatrix matrix = matrix(visit, tensor);
        PairKernels.Terms terms = terms(visit, tensor);
        int scale = 0;
        for (Query query : queries) {
            ThinSide side = ThinSide.none(query.seed(), query.scales());
            if (!query.isStill()) {
                long right = scratch.address(Part.RIGHTS);
                ThinSide made =
                        new ThinSide(0, right, 0, 0, 0, Decay.NONE, query.seed(), query.scales());
                kernels.thin().factors(matrix, query.seed(), 1, made);
                side = made;
            }
            kernels.pairs().rows(matrix, terms, isStochastic(), side, rows.of(out.scale(scale)));
            scale += query.scales().size();
        }
    }

    @Override
    public void storeNow(DeviceVisit visit, int tensor) {
        try (Coverage whole = visit.cover(tensor)) {
            FoldProgram program = kernels.programs().of(visit.pending(tensor));
            store(visit.slot(tensor), visit.tensor(tensor), program);
            whole.add(visit.tensor(tensor).elements());
        }
    }

    @Override
    public boolean isPlain(DeviceVisit visit, int tensor) {
        return visit.isCurrent(tensor);
    }

    /** A matrix with all of its updates. */
    @Override
    public Base base(DeviceVisit visit, int tensor) {
        if (!visit.tensor(tensor).isPlain()) {
            return ThinMatrices.packed(kernels.dense().packed(), visit, tensor);
        }
        ThinMatrix matrix = matrix(visit, tensor);
        PairKernels.Terms terms = terms(visit, tensor);
        return (firstRow, rows, place, type) ->
                kernels.pairs()
                        .form(matrix, terms, isStochastic(), false, firstRow, rows, place, type);
    }

    @Override
    public boolean isBeside(DeviceVisit visit, int tensor, boolean still) {
        return !still;
    }

    @Override
    public DeviceThin.Factors factors(DeviceVisit visit, int tensor, List<Query> queries) {
        ThinMatrix matrix = matrix(visit, tensor);
        long across = matrix.columns() * matrix.rank();
        long down = matrix.rows() * matrix.rank();
        long right = scratch.address(Part.RIGHTS);
        long left = scratch.address(Part.SIDES);
        int scale = 0;
        for (Query query : queries) {
            int scales = query.scales().size();
            ThinSide side =
                    new ThinSide(
                            0,
                            right + scale * across * Float.BYTES,
                            across,
                            left + scale * down * Float.BYTES,
                            down,
                            Decay.NONE,
                            query.seed(),
                            query.scales());
            kernels.thin().factors(matrix, query.seed(), scales, side);
            scale += scales;
        }
        return new DeviceThin.Factors(right, across, left, down);
    }

    @Override
    public Decay decay(DeviceVisit visit, int tensor) {
        return Decay.NONE;
    }

    @Override
    public void fold(DeviceVisit visit) {
        FoldProgram program = kernels.programs().of(visit.pending());
        for (int tensor : visit.unfolded()) {
            store(visit.slot(tensor), visit.tensor(tensor), program);
        }
    }
}
