package io.millrace.executor.cuda.weight;

import io.millrace.executor.cuda.kernel.BesideKernels;
import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.kernel.LowRankKernels;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.memory.DType;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.SideSpec;
import java.util.List;

/**
 * Products with what a run trains beside their matrices: {@code y(s) = (x(s) A(s)ᵀ) (scale ·
 * B(s))ᵀ}, in float32, and the product with the matrix added to that, which all scales share. So a
 * 16-bit result is rounded once, and what is rounded before is small beside it.
 */
public final class DeviceSideLinear implements DeviceLinear {
    private final DeviceLinear matrices;
    private final LowRankKernels thin;
    private final BesideKernels beside;
    private final DeviceScratch scratch;

    /**
     * Products beside others.
     *
     * @param matrices products with the matrices alone
     */
    public DeviceSideLinear(
            DeviceLinear matrices,
            LowRankKernels thin,
            BesideKernels beside,
            DeviceScratch scratch) {
        this.matrices = matrices;
        this.thin = thin;
        this.beside = beside;
        this.scratch = scratch;
    }

    @Override
    public DeviceGemm.Input input(
            DeviceWeights weights, List<LinearSpec> specs, DeviceMatrix x, int rows) {
        return matrices.input(weights, specs, x, rows);
    }

    @Override
    public Product product(DeviceWeights weights, LinearSpec spec, DeviceGemm.Input input) {
        Product matrix = matrices.product(weights, spec, input);
        return spec.side()
                .<Product>map(side -> new WithSide(weights, spec, side, input, matrix))
                .orElse(matrix);
    }

    @Override
    public void runSideBySide(
            DeviceWeights weights,
            List<LinearSpec> specs,
            DeviceMatrix x,
            DeviceMatrix y,
            int rows) {
        if (specs.stream().anyMatch(spec -> spec.side().isPresent())) {
            DeviceLinear.super.runSideBySide(weights, specs, x, y, rows);
        } else {
            matrices.runSideBySide(weights, specs, x, y, rows);
        }
    }

    private final class WithSide implements Product {
        private final Product matrix;
        private final int scales;
        private final int rank;
        private final DeviceMatrix projected; // [rows, r] of every scale
        private final DeviceMatrix second; // [r, outputs] of every scale
        private int first;
        private int outputs;

        WithSide(
                DeviceWeights weights,
                LinearSpec spec,
                SideSpec side,
                DeviceGemm.Input input,
                Product matrix) {
            this.matrix = matrix;
            scales = weights.scaleCount();
            rank = side.rank();
            long firstLength = (long) rank * spec.inputs();
            long secondLength = (long) rank * spec.outputs();
            long firsts = scratch.address(Part.BESIDE);
            long stored = firsts + scales * firstLength * Float.BYTES;
            long turned = stored + scales * secondLength * Float.BYTES;
            long products = turned + scales * secondLength * Float.BYTES;
            weights.vector(weights.indexOf(side.first()), firsts, firstLength);
            weights.vector(weights.indexOf(side.second()), stored, secondLength);
            beside.turn(stored, spec.outputs(), rank, side.scale(), scales, turned);
            thin.project(
                    input.x(),
                    firsts,
                    firstLength,
                    spec.inputs(),
                    rank,
                    products,
                    input.rows(),
                    scales);
            projected = new DeviceMatrix(products, (long) input.rows() * rank, rank, DType.F32);
            second = new DeviceMatrix(turned, secondLength, spec.outputs(), DType.F32);
        }

        @Override
        public int mostOutputs() {
            return matrix.mostOutputs();
        }

        @Override
        public void panel(int from, int count) {
            first = from;
            outputs = count;
            matrix.panel(from, count);
        }

        @Override
        public void multiply(int row, int rows, DeviceMatrix y, boolean accumulate) {
            DeviceMatrix factor = second.column(first);
            thin.spread(projected.row(row), factor, rank, y, rows, outputs, scales, accumulate);
            matrix.multiply(row, rows, y, true);
        }

        @Override
        public void close() {
            matrix.close();
        }
    }
}
