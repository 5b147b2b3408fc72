package io.millrace.executor.cuda.dense;

import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.executor.cuda.weight.DeviceForming;
import io.millrace.executor.cuda.weight.DeviceGemm;
import io.millrace.executor.cuda.weight.DeviceLinear;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.cuda.weight.DeviceWeights;
import io.millrace.model.spec.LinearSpec;
import java.util.List;

/**
 * The dense way: all scales in one product, where θ(s) exists only in scratch, small matrices
 * whole, large ones a panel of outputs at a time.
 */
final class DeviceDenseLinear implements DeviceLinear {
    private final DeviceGemm gemm;
    private final DeviceScratch scratch;
    private final PanelSizes panels;
    private final DeviceDensePasses passes;

    DeviceDenseLinear(DeviceGemm gemm, DeviceScratch scratch, DeviceDensePasses passes) {
        this.gemm = gemm;
        this.scratch = scratch;
        this.passes = passes;
        panels = scratch.plan().panels();
    }

    @Override
    public DeviceGemm.Input input(
            DeviceWeights weights, List<LinearSpec> specs, DeviceMatrix x, int rows) {
        return gemm.input(specs, x, rows, weights.scaleCount());
    }

    @Override
    public Product product(DeviceWeights weights, LinearSpec spec, DeviceGemm.Input input) {
        return new Formed(weights, spec, input);
    }

    /** Whether the stored bytes are already what the query wants products to read. */
    private boolean isPlain(DeviceWeights weights, int tensor) {
        return weights.isStill(tensor)
                && weights.visit().slot(tensor).format() == scratch.type()
                && weights.visit().isCurrent(tensor, weights.matrixQuery(tensor));
    }

    private static boolean isStill(DeviceWeights weights, LinearSpec spec) {
        return weights.isStill(weights.indexOf(spec.weight()));
    }

    /** In one product, where all of them have room in the panel. */
    @Override
    public void runSideBySide(
            DeviceWeights weights,
            List<LinearSpec> specs,
            DeviceMatrix x,
            DeviceMatrix y,
            int rows) {
        boolean fits =
                panels.stack(specs)
                        && specs.stream()
                                .noneMatch(each -> isPlain(weights, weights.indexOf(each.weight())))
                        && specs.stream().map(each -> isStill(weights, each)).distinct().count()
                                == 1;
        if (!fits) {
            DeviceLinear.super.runSideBySide(weights, specs, x, y, rows);
            return;
        }
        int inputs = specs.getFirst().inputs();
        int outputs = specs.stream().mapToInt(LinearSpec::outputs).sum();
        long stride = (long) outputs * inputs;
        long place = scratch.address(Part.PANEL);
        for (LinearSpec spec : specs) {
            int tensor = weights.indexOf(spec.weight());
            long count = (long) spec.outputs() * inputs;
            try (DeviceForming forming = forming(weights, tensor)) {
                forming.range(0, count, place, stride, scratch.type());
            }
            place += count * scratch.type().sizeBytes();
        }
        int first = weights.indexOf(specs.getFirst().weight());
        long apart = weights.matrixStride(first, stride);
        LinearSpec all = new LinearSpec("", null, inputs, outputs, false);
        int scales = weights.scaleCount();
        DeviceGemm.Input input = gemm.input(List.of(all), x, rows, scales);
        DeviceGemm.Panel panel =
                gemm.panel(all, matrix(scratch.address(Part.PANEL), apart, all), outputs, scales);
        gemm.multiply(all, panel, input, 0, y, rows, scales, 1, false);
    }

    /** Outputs of an operator, each a row where it is stored so. */
    private DeviceMatrix matrix(long address, long stride, LinearSpec spec) {
        return new DeviceMatrix(address, stride, spec.inputs(), scratch.type());
    }

    private DeviceForming forming(DeviceWeights weights, int tensor) {
        return passes.forming(weights.visit(), tensor, weights.matrixQuery(tensor));
    }

    private final class Formed implements Product {
        private final DeviceWeights weights;
        private final LinearSpec spec;
        private final DeviceGemm.Input input;
        private final int tensor;
        private DeviceForming forming;
        private DeviceGemm.Panel panel;

        Formed(DeviceWeights weights, LinearSpec spec, DeviceGemm.Input input) {
            this.weights = weights;
            this.spec = spec;
            this.input = input;
            tensor = weights.indexOf(spec.weight());
            forming = forming(weights, tensor);
        }

        @Override
        public int mostOutputs() {
            // E4M3 are made of stored bytes too, in as much scratch as perturbed ones take.
            boolean stored = isPlain(weights, tensor) && !gemm.quantizes(spec);
            return stored || spec.inputMajor()
                    ? spec.outputs()
                    : panels.outputs(spec.outputs(), spec.inputs());
        }

        @Override
        public void panel(int from, int outputs) {
            if (forming.isWhole()) { // other rows: over the tensor again, which is stored by now
                forming.close();
                forming = forming(weights, tensor);
            }
            long first = (long) from * spec.inputs();
            long count = (long) outputs * spec.inputs();
            if (isPlain(weights, tensor)) {
                forming.stored(first, count);
                long stored = weights.visit().tensor(tensor).at(first);
                panel = gemm.panel(spec, matrix(stored, 0, spec), outputs, 1);
                return;
            }
            long place = scratch.address(Part.PANEL);
            forming.range(first, count, place, count, scratch.type());
            DeviceMatrix formed = matrix(place, weights.matrixStride(tensor, count), spec);
            panel = gemm.panel(spec, formed, outputs, weights.scaleCount());
        }

        @Override
        public void multiply(int row, int rows, DeviceMatrix y, boolean accumulate) {
            int scales = weights.scaleCount();
            gemm.multiply(spec, panel, input, row, y, rows, scales, 1, accumulate);
        }

        @Override
        public void close() {
            forming.close();
        }
    }
}
