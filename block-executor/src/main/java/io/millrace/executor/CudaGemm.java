package io.millrace.executor;

import io.millrace.executor.cuda.CudaMatmul;
import io.millrace.executor.cuda.DeviceMatrix;
import io.millrace.executor.cuda.MatmulShape;
import io.millrace.model.spec.LinearSpec;

/** Products of all scales in one call. */
final class CudaGemm {
    private final CudaMatmul matmul;

    CudaGemm(CudaMatmul matmul) {
        this.matmul = matmul;
    }

    /**
     * Some outputs of a matrix as products read them.
     *
     * @param address of the first scale's
     * @param stride elements from a scale's to the next; 0 where all share one
     * @param outputs how many
     */
    record Panel(long address, long stride, int outputs) {}

    /**
     * {@code y = factor · x panelᵀ}, or the same added to what y holds.
     *
     * @param spec the operator that the panel belongs to
     * @param x [rows, inputs] for every scale
     * @param y [rows, outputs of the panel] for every scale
     */
    void multiply(
            LinearSpec spec,
            Panel panel,
            DeviceMatrix x,
            DeviceMatrix y,
            int rows,
            int scales,
            float factor,
            boolean accumulate) {
        // Rows of all scales on one matrix are one taller product.
        boolean stacked =
                panel.stride() == 0
                        && x.stride() == rows * x.rowStride()
                        && y.stride() == rows * y.rowStride();
        MatmulShape shape =
                new MatmulShape(
                        stacked ? rows * scales : rows,
                        panel.outputs(),
                        spec.inputs(),
                        spec.inputMajor(),
                        x.rowStride(),
                        spec.inputMajor() ? spec.outputs() : spec.inputs(),
                        y.rowStride(),
                        stacked ? 1 : scales,
                        stacked ? 0 : x.stride(),
                        panel.stride(),
                        stacked ? 0 : y.stride(),
                        x.type(),
                        y.type(),
                        accumulate);
        matmul.multiply(shape, x.address(), panel.address(), y.address(), factor);
    }
}
