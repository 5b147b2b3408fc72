package io.millrace.executor;

import io.millrace.executor.cuda.CudaKernels;
import io.millrace.executor.cuda.DeviceMatrix;
import io.millrace.executor.cuda.DeviceTensor;
import io.millrace.executor.cuda.WeightPass;
import io.millrace.memory.DType;

/** A block's weights as one probe sees them: θ + s·z for each of its scales, formed on demand. */
final class CudaWeights {
    private final CudaVisit visit;
    private final WeightPass pass;
    private final CudaKernels kernels;
    private final CudaScratch scratch;

    CudaWeights(CudaVisit visit, WeightPass pass, CudaKernels kernels, CudaScratch scratch) {
        this.visit = visit;
        this.pass = pass;
        this.kernels = kernels;
        this.scratch = scratch;
    }

    int scaleCount() {
        return pass.scales().size();
    }

    int indexOf(String name) {
        return visit.indexOf(name);
    }

    DeviceTensor tensor(int index) {
        return visit.tensor(index);
    }

    int width(int index) {
        return visit.width(index);
    }

    /** Whether the stored bytes are already what the probe wants products to read. */
    boolean isPlain(int index) {
        return !pass.perturbs()
                && visit.tensor(index).dtype() == scratch.type()
                && visit.isCurrent(index);
    }

    /**
     * Forms a whole vector in float32, and folds it if due.
     *
     * @param which of the places for vectors
     * @param name the tensor, or null
     * @return where the first scale's lies, those of the next after it; 0 without a tensor
     */
    long vector(int which, String name) {
        if (name == null) {
            return 0;
        }
        long place = scratch.vector(which);
        int index = visit.indexOf(name);
        vector(index, place, visit.tensor(index).elements());
        return place;
    }

    /** The same at a place of the caller's, with so many elements from a scale's to the next. */
    void vector(int index, long place, long stride) {
        form(index, 0, visit.tensor(index).elements(), place, stride, DType.F32);
        visit.markFormed(index);
    }

    /**
     * Forms some elements of a tensor; once all were, {@link #markFormed} is to be called.
     *
     * @param place where the first scale's go
     * @param stride elements from a scale's to the next
     */
    void form(int index, long first, long count, long place, long stride, DType type) {
        kernels.form(
                pass,
                visit.program(index),
                visit.tensor(index),
                visit.storesNow(index),
                first,
                count,
                place,
                stride,
                type);
    }

    void markFormed(int index) {
        visit.markFormed(index);
    }

    /** Looks rows of a table up, which leaves the stored bytes alone. */
    void rows(
            int index,
            long ids,
            int idOffset,
            int rows,
            float factor,
            boolean accumulate,
            DeviceMatrix out) {
        kernels.rows(
                pass,
                visit.program(index),
                visit.tensor(index),
                ids,
                idOffset,
                rows,
                visit.width(index),
                factor,
                accumulate,
                out);
    }
}
