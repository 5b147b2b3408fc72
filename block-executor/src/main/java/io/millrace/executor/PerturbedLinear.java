package io.millrace.executor;

import io.millrace.executor.cpu.CpuWorkers;
import io.millrace.executor.cpu.GemmTiles;
import io.millrace.model.spec.LinearSpec;
import io.millrace.optim.PassPlan;

/**
 * {@code y = x θ(s)ᵀ + b(s)} for every scale s of a probe, where θ(s) exists only in scratch: small
 * matrices whole, large ones a panel of output columns at a time, formed by the worker that
 * multiplies with it while it is in the cache.
 *
 * <p>The shapes of the products follow from the operator's shape alone, so that neither the number
 * of workers nor the way of forming decides a byte.
 */
final class PerturbedLinear {
    private final CpuWorkers workers;
    private final Scratch scratch;

    PerturbedLinear(CpuWorkers workers, Scratch scratch) {
        this.workers = workers;
        this.scratch = scratch;
    }

    /**
     * Runs one operator. Rows are padded to {@link GemmTiles#ROW_QUANTUM}, which both matrices have
     * room for.
     *
     * @param weights the block's weights as the probe wants them
     * @param spec the operator
     * @param x [rows, inputs] for every scale
     * @param y [rows, outputs] for every scale
     * @param rows number of rows
     * @param accumulate whether to add to what y holds
     */
    void run(
            FormedWeights weights,
            LinearSpec spec,
            Variants x,
            Variants y,
            int rows,
            boolean accumulate) {
        int tensor = weights.indexOf(spec.weight());
        GemmTiles tiles = GemmTiles.of(MicroBatch.padded(rows), spec.outputs());
        Call call = new Call(workers, spec, tiles, x, y, bias(weights, spec), accumulate);
        long elements = weights.slot(tensor).elementCount();
        if (weights.isPlain(tensor)) {
            multiplyAll(call, weights.plain(tensor), 0, 1);
        } else if (elements <= Scratch.WHOLE_MATRIX_ELEMENTS) {
            weights.formWhole(tensor, scratch.wholeMatrix(), elements);
            multiplyAll(call, scratch.wholeMatrix(), elements, weights.scaleCount());
        } else {
            PassPlan plan = weights.storingPlan(tensor);
            workers.pool()
                    .parallelFor(
                            tiles.columnTiles(),
                            (panel, worker) ->
                                    formAndMultiply(call, weights, tensor, plan, panel, worker));
            weights.markFormed(tensor);
        }
    }

    private Floats bias(FormedWeights weights, LinearSpec spec) {
        if (spec.bias() == null) {
            return null;
        }
        weights.formWhole(weights.indexOf(spec.bias()), scratch.vector(0), spec.outputs());
        return scratch.vector(0);
    }

    private void formAndMultiply(
            Call call, FormedWeights weights, int tensor, PassPlan plan, int panel, int worker) {
        LinearSpec spec = call.spec;
        int rowTiles = call.rowTiles();
        int column = call.tiles.column(panel * rowTiles);
        int width = call.tiles.columnCount(panel * rowTiles);
        Floats place = scratch.panel(worker);
        long stride = (long) width * spec.inputs();
        if (spec.inputMajor()) {
            weights.formColumns(tensor, plan, column, width, place, stride, worker);
        } else {
            long first = (long) column * spec.inputs();
            weights.formRange(tensor, plan, first, stride, place, stride, worker);
        }
        long ld = spec.inputMajor() ? width : spec.inputs();
        for (int rowTile = 0; rowTile < rowTiles; rowTile++) {
            for (int scale = 0; scale < weights.scaleCount(); scale++) {
                call.multiply(
                        panel * rowTiles + rowTile,
                        scale,
                        place.at(scale * stride),
                        ld,
                        worker);
            }
        }
    }

    private void multiplyAll(Call call, Floats matrix, long stride, int scales) {
        LinearSpec spec = call.spec;
        long ld = spec.inputMajor() ? spec.outputs() : spec.inputs();
        workers.pool()
                .parallelFor(
                        call.tiles.count() * scales,
                        (task, worker) -> {
                            int tile = task / scales;
                            int scale = task % scales;
                            long column = call.tiles.column(tile);
                            long skip = spec.inputMajor() ? column : column * spec.inputs();
                            call.multiply(
                                    tile, scale, matrix.at(scale * stride + skip), ld, worker);
                        });
    }

    private record Call(
            CpuWorkers workers,
            LinearSpec spec,
            GemmTiles tiles,
            Variants x,
            Variants y,
            Floats bias,
            boolean accumulate) {

        int rowTiles() {
            return tiles.count() / tiles.columnTiles();
        }

        void multiply(int tile, int scale, Floats panel, long ld, int worker) {
            int row = tiles.row(tile);
            int column = tiles.column(tile);
            Floats in = x.of(scale).at(row * x.rowStride());
            Floats out = y.of(scale).at(row * y.rowStride() + column);
            workers.gemm(worker)
                    .multiply(
                            tiles.rowCount(tile),
                            tiles.columnCount(tile),
                            spec.inputs(),
                            in.segment(),
                            in.start(),
                            x.rowStride(),
                            panel.segment(),
                            panel.start(),
                            ld,
                            spec.inputMajor(),
                            bias == null ? null : bias.segment(),
                            bias == null
                                    ? 0
                                    : bias.start() + (long) scale * spec.outputs() + column,
                            accumulate,
                            out.segment(),
                            out.start(),
                            y.rowStride());
        }
    }
}
