package io.millrace.executor.cuda.weight;

import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.kernel.QuantizeKernels;
import io.millrace.executor.cuda.product.DeviceMatmul;
import io.millrace.executor.cuda.product.MatmulScales;
import io.millrace.executor.cuda.product.MatmulShape;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.model.spec.LinearSpec;

/**
 * Products of E4M3. Both signs of a query share one scale, for their rows as for their weights, so
 * that both are rounded on one grid. A product is of one sign, for the library promises none of a
 * batch in this type.
 */
public final class Fp8Operands {
    /** The compute capability, times ten, from which on tensor cores multiply E4M3. */
    public static final int CAPABILITY = 89;

    private static final int QUANTUM = QuantizeKernels.WIDTH_QUANTUM;
    private static final int ALIGNMENT = 16; // bytes, of every row that the library reads or writes

    private final QuantizeKernels kernels;
    private final DeviceScratch scratch;
    private final MatmulScales scales;

    public Fp8Operands(QuantizeKernels kernels, DeviceScratch scratch) {
        this.kernels = kernels;
        this.scratch = scratch;
        scales =
                new MatmulScales(
                        QuantizeKernels.scale(inputScale()), QuantizeKernels.scale(panelScale()));
    }

    /**
     * Which rows of an input.
     *
     * @param all rows of it
     * @param first of those that are multiplied
     * @param count of those
     */
    record Rows(int all, int first, int count) {}

    /** Whether an operator's shape allows it: the library wants weights stored output-major. */
    static boolean takes(LinearSpec spec) {
        return !spec.inputMajor() && spec.inputs() % QUANTUM == 0 && spec.outputs() % QUANTUM == 0;
    }

    /** Whether results may be written so. */
    static boolean takes(DeviceMatrix y) {
        return (y.address() | y.rowStride() * y.type().sizeBytes()) % ALIGNMENT == 0;
    }

    /** Bytes that the scales take. */
    static long scaleBytes() {
        return 2 * QuantizeKernels.SCALE_BYTES;
    }

    private long inputScale() {
        return scratch.address(Part.E4M3_SCALES);
    }

    private long panelScale() {
        return inputScale() + QuantizeKernels.SCALE_BYTES;
    }

    void quantizeInput(DeviceMatrix x, int rows, int inputs, int count) {
        kernels.quantize(x, rows, inputs, count, scratch.address(Part.E4M3_INPUT), inputScale());
    }

    void quantizePanel(DeviceMatrix panel, int outputs, int inputs, int count) {
        long place = scratch.address(Part.E4M3_PANEL);
        kernels.quantize(panel, outputs, inputs, count, place, panelScale());
    }

    /** Multiplies what was quantised last. */
    void multiply(
            DeviceMatmul matmul,
            LinearSpec spec,
            DeviceGemm.Panel panel,
            Rows rows,
            DeviceMatrix y,
            int scaleCount,
            float factor,
            boolean accumulate) {
        // Rows of all scales on one matrix are one taller product.
        boolean stacked =
                panel.stride() == 0
                        && rows.count() == rows.all()
                        && y.stride() == rows.count() * y.rowStride();
        int inputs = spec.inputs();
        MatmulShape shape =
                new MatmulShape(
                        stacked ? rows.count() * scaleCount : rows.count(),
                        panel.outputs(),
                        inputs,
                        false,
                        inputs,
                        inputs,
                        y.rowStride(),
                        1,
                        0,
                        0,
                        0,
                        MatmulShape.E4M3,
                        y.type(),
                        accumulate);
        long firstX = scratch.address(Part.E4M3_INPUT) + (long) rows.first() * inputs;
        long matrixBytes = panel.stride() == 0 ? 0 : (long) panel.outputs() * inputs;
        for (int scale = 0; scale < (stacked ? 1 : scaleCount); scale++) {
            long x = firstX + (long) scale * rows.all() * inputs;
            long w = scratch.address(Part.E4M3_PANEL) + scale * matrixBytes;
            long to = y.address() + scale * y.stride() * y.type().sizeBytes();
            matmul.multiply(shape, x, w, scales, to, factor);
        }
    }
}
