package io.millrace.executor.cuda.lowrank;

import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.kernel.LowRankKernels;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.executor.cuda.kernel.ThinMatrix;
import io.millrace.executor.cuda.weight.DeviceGemm;
import io.millrace.executor.cuda.weight.DeviceLinear;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.cuda.weight.DeviceVisit;
import io.millrace.executor.cuda.weight.DeviceWeights;
import io.millrace.memory.DType;
import io.millrace.model.spec.LinearSpec;
import java.util.List;
import java.util.Optional;

/**
 * The way of thin factors: {@code y(s) = decay · x(s) θᵀ + (x(s) V) w(s)ᵀ}. The product with θ is
 * one over the rows of all scales of queries that go together, from the stored bytes where they
 * have the products' type. The thin sum is written first and the product added to it: so 16-bit
 * results are rounded once, and what is rounded before is small beside them.
 */
final class DeviceLowRankLinear implements DeviceLinear {
    private final DeviceGemm gemm;
    private final DeviceScratch scratch;
    private final PanelSizes panels;
    private final LowRankKernels kernels;
    private final ThinMatrices matrices;

    DeviceLowRankLinear(
            DeviceGemm gemm, DeviceScratch scratch, LowRankKernels kernels, ThinMatrices matrices) {
        this.gemm = gemm;
        this.scratch = scratch;
        this.kernels = kernels;
        this.matrices = matrices;
        panels = scratch.plan().panels();
    }

    @Override
    public DeviceGemm.Input input(
            DeviceWeights weights, List<LinearSpec> specs, DeviceMatrix x, int rows) {
        return gemm.input(specs, x, rows, weights.scaleCount());
    }

    @Override
    public Product product(DeviceWeights weights, LinearSpec spec, DeviceGemm.Input input) {
        DeviceVisit visit = weights.visit();
        int tensor = weights.indexOf(spec.weight());
        if (visit.storesNow(tensor)) {
            matrices.storeNow(visit, tensor);
        }
        Optional<Beside> beside =
                matrices.isBeside(visit, tensor, weights.isStill(tensor))
                        ? Optional.of(beside(weights, spec, tensor, input))
                        : Optional.empty();
        return new OnStored(weights, spec, tensor, input, beside);
    }

    /**
     * What belongs beside the product with the matrix.
     *
     * @param decay factor on the product
     * @param thin inputs times a thin factor, [rows, r] of every scale
     * @param factor the one on the output's side, [r, outputs] of every scale
     */
    private record Beside(float decay, DeviceMatrix thin, DeviceMatrix factor) {}

    private Beside beside(
            DeviceWeights weights, LinearSpec spec, int tensor, DeviceGemm.Input input) {
        int rows = input.rows();
        ThinMatrix matrix = matrices.matrix(weights.visit(), tensor);
        int rank = matrix.rank();
        DeviceThin.Factors made = matrices.factors(weights.visit(), tensor, weights.seen(tensor));
        DeviceMatrix left =
                new DeviceMatrix(made.left(), made.leftStride(), matrix.rows(), DType.F32);
        DeviceMatrix right =
                new DeviceMatrix(made.right(), made.rightStride(), matrix.columns(), DType.F32);
        DeviceMatrix onInputs = spec.inputMajor() ? left : right;
        DeviceMatrix thin =
                new DeviceMatrix(scratch.address(Part.THIN), (long) rows * rank, rank, DType.F32);
        kernels.project(
                input.x(),
                onInputs.address(),
                onInputs.stride(),
                spec.inputs(),
                rank,
                thin.address(),
                rows,
                weights.scaleCount());
        float decay = matrices.decay(weights.visit(), tensor).ofProduct();
        return new Beside(decay, thin, spec.inputMajor() ? right : left);
    }

    private final class OnStored implements Product {
        private final DeviceWeights weights;
        private final LinearSpec spec;
        private final int tensor;
        private final DeviceGemm.Input input;
        private final Optional<Beside> beside;
        private final Optional<ThinMatrices.Base> base; // empty where stored bytes are it
        private int first;
        private DeviceGemm.Panel panel;

        OnStored(
                DeviceWeights weights,
                LinearSpec spec,
                int tensor,
                DeviceGemm.Input input,
                Optional<Beside> beside) {
            this.weights = weights;
            this.spec = spec;
            this.tensor = tensor;
            this.input = input;
            this.beside = beside;
            DeviceVisit visit = weights.visit();
            boolean plain =
                    visit.slot(tensor).format() == scratch.type()
                            && matrices.isPlain(visit, tensor);
            base = plain ? Optional.empty() : Optional.of(matrices.base(visit, tensor));
        }

        @Override
        public int mostOutputs() {
            // E4M3 are made of stored bytes too, in as much scratch as formed ones take.
            return (base.isEmpty() && !gemm.quantizes(spec)) || spec.inputMajor()
                    ? spec.outputs()
                    : panels.outputs(spec.outputs(), spec.inputs());
        }

        @Override
        public void panel(int from, int outputs) {
            first = from;
            if (base.isEmpty()) {
                long stored = weights.visit().tensor(tensor).at((long) from * spec.inputs());
                panel = gemm.panel(spec, matrix(stored), outputs, 1);
                return;
            }
            long place = scratch.address(Part.PANEL);
            // All of an input-major matrix: its rows hold all outputs.
            long rows = spec.inputMajor() ? spec.inputs() : outputs;
            base.get().form(from, rows, place, scratch.type());
            panel = gemm.panel(spec, matrix(place), outputs, 1);
        }

        private DeviceMatrix matrix(long address) {
            return new DeviceMatrix(address, 0, spec.inputs(), scratch.type());
        }

        @Override
        public void multiply(int row, int rows, DeviceMatrix y, boolean accumulate) {
            int scales = weights.scaleCount();
            if (beside.isEmpty()) {
                gemm.multiply(spec, panel, input, row, y, rows, scales, 1, accumulate);
                return;
            }
            Beside thin = beside.get();
            int rank = Math.toIntExact(thin.thin().rowStride());
            kernels.spread(
                    thin.thin().row(row),
                    thin.factor().column(first),
                    rank,
                    y,
                    rows,
                    panel.outputs(),
                    scales,
                    accumulate);
            gemm.multiply(spec, panel, input, row, y, rows, scales, thin.decay(), true);
        }

        @Override
        public void close() {
            // What was to be stored was stored before the first panel.
        }
    }
}
