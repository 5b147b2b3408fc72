package io.millrace.executor.cuda.dense;

import io.millrace.executor.cuda.kernel.BesideKernels;
import io.millrace.executor.cuda.kernel.DeviceKernels;
import io.millrace.executor.cuda.kernel.DeviceMask;
import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.kernel.DeviceTensor;
import io.millrace.executor.cuda.kernel.FoldProgram;
import io.millrace.executor.cuda.kernel.FoldPrograms;
import io.millrace.executor.cuda.kernel.LowRankKernels;
import io.millrace.executor.cuda.kernel.PackedKernels;
import io.millrace.executor.cuda.kernel.WeightPass;
import io.millrace.executor.cuda.weight.DeviceForming;
import io.millrace.executor.cuda.weight.DeviceGemm;
import io.millrace.executor.cuda.weight.DeviceLinear;
import io.millrace.executor.cuda.weight.DevicePasses;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.cuda.weight.DeviceSideLinear;
import io.millrace.executor.cuda.weight.DeviceVisit;
import io.millrace.executor.cuda.weight.PendingPieces;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Shape;
import io.millrace.prefetch.BlockLease;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** The dense way: one fused pass folds, makes z and writes θ + s z into scratch memory. */
public final class DeviceDensePasses implements DevicePasses {
    private final DeviceKernels kernels;
    private final FoldPrograms programs;
    private final Along along;
    private final Rounding rounding;
    private final PendingPieces pieces;
    private final DeviceScratch scratch;
    private final int together;
    private final DeviceLinear linear;

    /**
     * What it launches.
     *
     * @param form makes weights
     * @param programs what updates do
     * @param beside thin products beside those with matrices; empty where nothing is trained there
     */
    public record Kernels(DeviceKernels form, FoldPrograms programs, Optional<Beside> beside) {}

    /**
     * What is launched for what is trained beside a model.
     *
     * @param thin products with thin factors
     * @param beside all else
     */
    public record Beside(LowRankKernels thin, BesideKernels beside) {}

    /**
     * What queries go along.
     *
     * @param direction makes z
     * @param mask which elements have one
     * @param shape what becomes of it
     */
    public record Along(DenseDirection direction, DeviceMask mask, Optional<Shape> shape) {}

    public DeviceDensePasses(
            Kernels launched,
            DeviceGemm gemm,
            DeviceScratch scratch,
            Along along,
            Rounding rounding,
            int foldEvery) {
        kernels = launched.form();
        programs = launched.programs();
        this.along = along;
        this.rounding = rounding;
        this.scratch = scratch;
        pieces = new PendingPieces(foldEvery, programs::fitting);
        // Where all matrices are only read, queries share their products.
        together = launched.beside().isPresent() && !gemm.quantizes() ? scratch.scalesAtOnce() : 0;
        DeviceLinear matrices = new DeviceDenseLinear(gemm, scratch, this);
        linear =
                launched.beside()
                        .<DeviceLinear>map(each ->
                                new DeviceSideLinear(matrices, each.thin(), each.beside(), scratch))
                        .orElse(matrices);
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
        pieces.prepare(lease, block, updates, pending -> fold(lease, block, pending));
    }

    private void fold(BlockLease lease, BlockLayout block, PendingUpdates pending) {
        WeightPass pass = atTheta();
        for (int index = 0; index < block.tensors().size(); index++) {
            if (!block.tensors().get(index).isTrained()) {
                continue;
            }
            DeviceTensor tensor = DeviceVisit.tensor(lease, block, index);
            FoldProgram program = programs.of(pending, tensor);
            kernels.form(pass, program, tensor, true, 0, tensor.elements(), 0, 0, DType.F32);
        }
    }

    @Override
    public void begin(DeviceVisit visit) {
        // Programs of pending updates are made when a tensor is formed.
    }

    @Override
    public void vector(
            DeviceVisit visit, int tensor, List<Query> queries, long place, long stride) {
        long at = place;
        for (Query query : queries) {
            try (DeviceForming forming = forming(visit, tensor, query)) {
                forming.range(0, visit.tensor(tensor).elements(), at, stride, DType.F32);
            }
            at += query.scales().size() * stride * Float.BYTES;
        }
    }

    /** What a tensor is formed by, and stored where the visit says so, until all of it was. */
    DeviceForming forming(DeviceVisit visit, int tensor, Query query) {
        OptionalInt scales = visit.scalesOf(tensor);
        if (scales.isPresent()) {
            return scaled(visit, tensor, given(visit, scales.getAsInt(), query));
        }
        return new DeviceForming(
                visit,
                tensor,
                (first, count, place, stride, type) ->
                        kernels.form(
                                pass(visit, tensor, query),
                                programs.of(visit.pending(tensor, query), visit.tensor(tensor)),
                                visit.tensor(tensor),
                                visit.storesNow(tensor),
                                first,
                                count,
                                place,
                                stride,
                                type));
    }

    private DeviceForming scaled(DeviceVisit visit, int tensor, PackedKernels.Given given) {
        DeviceTensor matrix = visit.tensor(tensor);
        return new DeviceForming(
                visit,
                tensor,
                (first, count, place, stride, type) ->
                        kernels.packed().form(matrix, given, first, count, place, stride, type));
    }

    /** Scales of a matrix as a query sees them, until those of another are made. */
    private PackedKernels.Given given(DeviceVisit visit, int scales, Query query) {
        long place = scratch.address(Part.SCALES);
        long stride = visit.tensor(scales).elements();
        vector(visit, scales, List.of(query), place, stride);
        return new PackedKernels.Given(place, stride, query.scales().size());
    }

    @Override
    public void rows(
            DeviceVisit visit, int tensor, List<Query> queries, Rows rows, DeviceMatrix out) {
        int scale = 0;
        for (Query query : queries) {
            rows(visit, tensor, query, rows, out.scale(scale));
            scale += query.scales().size();
        }
    }

    private void rows(DeviceVisit visit, int tensor, Query query, Rows rows, DeviceMatrix out) {
        FoldProgram program = programs.of(visit.pending(tensor, query), visit.tensor(tensor));
        kernels.rows(
                pass(visit, tensor, query),
                program,
                visit.tensor(tensor),
                rows.ids(),
                rows.idOffset(),
                rows.count(),
                Math.toIntExact(visit.slot(tensor).shape().getLast()),
                rows.factor(),
                rows.accumulate(),
                out);
    }

    @Override
    public void fold(DeviceVisit visit) {
        WeightPass pass = atTheta();
        for (int index : visit.unfolded()) {
            DeviceTensor tensor = visit.tensor(index);
            FoldProgram program = programs.of(visit.pending(), tensor);
            kernels.form(pass, program, tensor, true, 0, tensor.elements(), 0, 0, DType.F32);
        }
    }

    private WeightPass atTheta() {
        return WeightPass.of(along.direction().name(), rounding, Query.AT_THETA)
                .masked(along.mask(), 0);
    }

    private WeightPass pass(DeviceVisit visit, int tensor, Query query) {
        long step = visit.pending(tensor, query).lastStep() + 1;
        WeightPass pass =
                WeightPass.of(along.direction().name(), rounding, query).masked(along.mask(), step);
        return along.shape()
                .filter(_ -> pass.perturbs())
                .flatMap(shape -> shape.of(step, query.seed()))
                .map(program ->
                        pass.shaped(programs.shaping(program, query.seed(), visit.tensor(tensor))))
                .orElse(pass);
    }
}
