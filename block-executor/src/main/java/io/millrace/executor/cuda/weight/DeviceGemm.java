package io.millrace.executor.cuda.weight;

import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.product.DeviceMatmul;
import io.millrace.executor.cuda.product.MatmulScales;
import io.millrace.executor.cuda.product.MatmulShape;
import io.millrace.model.spec.LinearSpec;
import java.util.List;
import java.util.Optional;

/** Products of all scales in one call, or, as E4M3 where a run asks for that, in one a scale. */
public final class DeviceGemm {
    private final DeviceMatmul matmul;
    private final Optional<Fp8Operands> fp8;

    public DeviceGemm(DeviceMatmul matmul, Optional<Fp8Operands> fp8) {
        this.matmul = matmul;
        this.fp8 = fp8;
    }

    /**
     * Rows that operators read; only the last that were asked for may be multiplied.
     *
     * @param x [rows, inputs] for every scale
     * @param rows how many
     * @param quantized whether they are at hand as E4M3 too
     */
    public record Input(DeviceMatrix x, int rows, boolean quantized) {}

    /**
     * Some outputs of a matrix as products read them; only the last that were asked for may be
     * multiplied.
     *
     * @param address of the first scale's
     * @param stride elements from a scale's to the next; 0 where all share one
     * @param outputs how many
     * @param quantized whether they are at hand as E4M3 too
     */
    public record Panel(long address, long stride, int outputs, boolean quantized) {}

    /** Whether any products are of E4M3. */
    public boolean quantizes() {
        return fp8.isPresent();
    }

    /** Whether products of an operator are of E4M3, where their results lie so that they can. */
    public boolean quantizes(LinearSpec spec) {
        return fp8.isPresent() && Fp8Operands.takes(spec);
    }

    /** Makes rows ready for operators that read them. */
    public Input input(List<LinearSpec> specs, DeviceMatrix x, int rows, int scales) {
        boolean quantized = specs.stream().anyMatch(this::quantizes);
        if (quantized) {
            fp8.orElseThrow().quantizeInput(x, rows, specs.getFirst().inputs(), scales);
        }
        return new Input(x, rows, quantized);
    }

    /**
     * Makes some outputs of an operator's matrix ready.
     *
     * @param panel the first scale's, as the products' type
     */
    public Panel panel(LinearSpec spec, DeviceMatrix panel, int outputs, int scales) {
        boolean quantized = quantizes(spec);
        if (quantized) {
            int matrices = panel.stride() == 0 ? 1 : scales;
            fp8.orElseThrow().quantizePanel(panel, outputs, spec.inputs(), matrices);
        }
        return new Panel(panel.address(), panel.stride(), outputs, quantized);
    }

    /**
     * {@code y = factor · x panelᵀ}, or the same added to what y holds.
     *
     * @param spec the operator that the panel belongs to
     * @param row first row of the input
     * @param y [rows, outputs of the panel] for every scale
     * @param rows how many
     */
    public void multiply(
            LinearSpec spec,
            Panel panel,
            Input input,
            int row,
            DeviceMatrix y,
            int rows,
            int scales,
            float factor,
            boolean accumulate) {
        if (panel.quantized() && input.quantized() && Fp8Operands.takes(y)) {
            Fp8Operands.Rows of = new Fp8Operands.Rows(input.rows(), row, rows);
            fp8.orElseThrow().multiply(matmul, spec, panel, of, y, scales, factor, accumulate);
            return;
        }
        DeviceMatrix x = input.x().row(row);
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
        matmul.multiply(
                shape, x.address(), panel.address(), MatmulScales.NONE, y.address(), factor);
    }
}
