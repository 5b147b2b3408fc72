package io.millrace.executor;

import io.millrace.executor.CudaScratchPlan.Part;
import io.millrace.executor.cuda.CudaMatmul;
import io.millrace.executor.cuda.CudaPanels;
import io.millrace.executor.cuda.DeviceMatrix;
import io.millrace.executor.cuda.MatmulShape;
import io.millrace.model.spec.LinearSpec;
import java.util.List;

/**
 * {@code y = x θ(s)ᵀ} for every scale s of a probe, all scales in one product, where θ(s) exists
 * only in scratch: small matrices whole, large ones a panel of outputs at a time. Biases are left
 * to whoever touches y next.
 */
final class CudaLinear {
    private final CudaMatmul matmul;
    private final CudaScratch scratch;
    private final CudaPanels panels;

    CudaLinear(CudaMatmul matmul, CudaScratch scratch) {
        this.matmul = matmul;
        this.scratch = scratch;
        panels = scratch.plan().panels();
    }

    /**
     * Runs one operator, without its bias.
     *
     * @param x [rows, inputs] for every scale
     * @param y [rows, outputs] for every scale
     * @param accumulate whether to add to what y holds
     */
    void run(
            CudaWeights weights,
            LinearSpec spec,
            DeviceMatrix x,
            DeviceMatrix y,
            int rows,
            boolean accumulate) {
        int tensor = weights.indexOf(spec.weight());
        int each =
                spec.inputMajor() ? spec.outputs() : panels.outputs(spec.outputs(), spec.inputs());
        if (weights.isPlain(tensor)) {
            each = spec.outputs();
        }
        for (int from = 0; from < spec.outputs(); from += each) {
            int outputs = Math.min(each, spec.outputs() - from);
            Panel panel = panel(weights, spec, tensor, from, outputs);
            multiply(spec, panel, x, y.column(from), rows, weights.scaleCount(), accumulate);
        }
        weights.markFormed(tensor);
    }

    /**
     * Whether some operators on the same x can be one product.
     *
     * @param specs without input-major matrices, each of them perturbed
     */
    boolean stacks(CudaWeights weights, List<LinearSpec> specs) {
        return panels.stack(specs)
                && specs.stream()
                        .noneMatch(spec -> weights.isPlain(weights.indexOf(spec.weight())));
    }

    /** Runs operators that {@link #stacks}, their outputs side by side, without biases. */
    void runStacked(
            CudaWeights weights, List<LinearSpec> specs, DeviceMatrix x, DeviceMatrix y, int rows) {
        int inputs = specs.getFirst().inputs();
        int outputs = specs.stream().mapToInt(LinearSpec::outputs).sum();
        long stride = (long) outputs * inputs;
        long place = scratch.address(Part.PANEL);
        for (LinearSpec spec : specs) {
            int tensor = weights.indexOf(spec.weight());
            long count = (long) spec.outputs() * inputs;
            weights.form(tensor, 0, count, place, stride, scratch.type());
            weights.markFormed(tensor);
            place += count * scratch.type().sizeBytes();
        }
        LinearSpec all = new LinearSpec("", null, inputs, outputs, false);
        Panel panel = new Panel(scratch.address(Part.PANEL), stride, outputs);
        multiply(all, panel, x, y, rows, weights.scaleCount(), false);
    }

    /**
     * Some outputs of a matrix as the probe wants them.
     *
     * @param address of the first scale's
     * @param stride elements from a scale's to the next
     * @param outputs how many
     */
    record Panel(long address, long stride, int outputs) {}

    /** Forms some outputs of a matrix, or shows them where they are stored as wanted. */
    Panel panel(CudaWeights weights, LinearSpec spec, int tensor, int from, int outputs) {
        long first = (long) from * spec.inputs();
        if (weights.isPlain(tensor)) {
            return new Panel(weights.tensor(tensor).at(first), 0, outputs);
        }
        long count = (long) outputs * spec.inputs();
        long place = scratch.address(Part.PANEL);
        weights.form(tensor, first, count, place, count, scratch.type());
        return new Panel(place, count, outputs);
    }

    void multiply(
            LinearSpec spec,
            Panel panel,
            DeviceMatrix x,
            DeviceMatrix y,
            int rows,
            int scales,
            boolean accumulate) {
        MatmulShape shape =
                new MatmulShape(
                        rows,
                        panel.outputs(),
                        spec.inputs(),
                        spec.inputMajor(),
                        x.rowStride(),
                        spec.inputMajor() ? spec.outputs() : spec.inputs(),
                        y.rowStride(),
                        scales,
                        x.stride(),
                        panel.stride(),
                        y.stride(),
                        x.type(),
                        y.type(),
                        accumulate);
        matmul.multiply(shape, x.address(), panel.address(), y.address());
    }
}
