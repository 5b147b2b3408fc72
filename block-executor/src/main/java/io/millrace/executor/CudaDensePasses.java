package io.millrace.executor;

import io.millrace.executor.cuda.CudaKernels;
import io.millrace.executor.cuda.DeviceMatrix;
import io.millrace.executor.cuda.DeviceTensor;
import io.millrace.executor.cuda.FoldProgram;
import io.millrace.executor.cuda.FoldPrograms;
import io.millrace.executor.cuda.WeightPass;
import io.millrace.memory.DType;
import io.millrace.optim.DenseDirection;
import io.millrace.optim.Probe;
import io.millrace.optim.Rounding;

/** The dense way: one fused pass folds, makes z and writes θ + s z into scratch memory. */
final class CudaDensePasses implements CudaPasses {
    private final CudaKernels kernels;
    private final FoldPrograms programs;
    private final DenseDirection direction;
    private final Rounding rounding;
    private final CudaLinear linear;

    CudaDensePasses(
            CudaKernels kernels,
            FoldPrograms programs,
            CudaGemm gemm,
            CudaScratch scratch,
            DenseDirection direction,
            Rounding rounding) {
        this.kernels = kernels;
        this.programs = programs;
        this.direction = direction;
        this.rounding = rounding;
        linear = new CudaDenseLinear(gemm, scratch, this);
    }

    @Override
    public CudaLinear linear() {
        return linear;
    }

    @Override
    public void begin(CudaVisit visit) {
        // Programs of pending updates are made when a tensor is formed.
    }

    @Override
    public void vector(CudaVisit visit, int tensor, Probe probe, long place, long stride) {
        long count = visit.tensor(tensor).elements();
        form(visit, tensor, probe, 0, count, place, stride, DType.F32);
    }

    /**
     * Forms some elements of a tensor, and stores them where the visit says so.
     *
     * @param place where the first scale's go
     * @param stride elements from a scale's to the next
     */
    void form(
            CudaVisit visit,
            int tensor,
            Probe probe,
            long first,
            long count,
            long place,
            long stride,
            DType type) {
        kernels.form(
                pass(probe),
                programs.of(visit.pending(tensor)),
                visit.tensor(tensor),
                visit.storesNow(tensor),
                first,
                count,
                place,
                stride,
                type);
    }

    @Override
    public void rows(CudaVisit visit, int tensor, Probe probe, Rows rows, DeviceMatrix out) {
        FoldProgram program = programs.of(visit.pending(tensor));
        kernels.rows(
                pass(probe),
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
    public void fold(CudaVisit visit) {
        WeightPass pass = pass(ForwardRequest.AT_THETA.getFirst());
        FoldProgram program = programs.of(visit.pending());
        for (int index : visit.unfolded()) {
            DeviceTensor tensor = visit.tensor(index);
            kernels.form(pass, program, tensor, true, 0, tensor.elements(), 0, 0, DType.F32);
        }
    }

    private WeightPass pass(Probe probe) {
        return WeightPass.of(direction.name(), rounding, probe);
    }
}
