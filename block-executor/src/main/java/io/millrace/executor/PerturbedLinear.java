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
        } else if (elements <= ScratchPlan.WHOLE_MATRIX_ELEMENTS) {
            weights.formWhole(tensor, scratch.wholeMatrix(), elements);
            multiplyAll(call, scratch.wholeMatrix(), elements, weights.scaleCount());
        } else {
            runPanels(
                    weights,
                    call,
                    (panel, place, stride, ld, worker) -> {
                        int rowTiles = call.rowTiles();
                        for (int rowTile = 0; rowTile < rowTiles; rowTile++) {
                            int tile = panel * rowTiles + rowTile;
                            for (int scale = 0; scale < weights.scaleCount(); scale++) {
                                Floats formed = place.at(scale * stride);
                                call.multiplyInPlace(tile, scale, formed, ld, worker);
                            }
                        }
                    });
        }
    }

    /** Takes one tile of a product that never exists whole. */
    @FunctionalInterface
    interface TileConsumer {
        /**
         * Takes a tile, on the thread of the worker that made it.
         *
         * @param scale index of the scale
         * @param row first row
         * @param rowCount rows, padding included
         * @param panel which panel of columns
         * @param column first column
         * @param width columns, and the tile's row stride
         * @param tile the tile's memory, valid during the call
         */
        void accept(
                int scale, int row, int rowCount, int panel, int column, int width, Floats tile);
    }

    /**
     * Runs one operator whose result is used up tile by tile.
     *
     * @param weights the block's weights as the probe wants them
     * @param spec the operator; without a bias
     * @param x [rows, inputs] for every scale
     * @param rows number of rows
     * @param consumer takes the tiles
     */
    void runInPanels(
            FormedWeights weights, LinearSpec spec, Variants x, int rows, TileConsumer consumer) {
        GemmTiles tiles = GemmTiles.of(MicroBatch.padded(rows), spec.outputs());
        Call call = new Call(workers, spec, tiles, x, null, null, false);
        runPanels(
                weights,
                call,
                (panel, place, stride, ld, worker) -> {
                    int rowTiles = call.rowTiles();
                    for (int rowTile = 0; rowTile < rowTiles; rowTile++) {
                        int tile = panel * rowTiles + rowTile;
                        int width = tiles.columnCount(tile);
                        for (int scale = 0; scale < weights.scaleCount(); scale++) {
                            Floats out = scratch.tile(worker);
                            call.multiply(
                                    tile, scale, place.at(scale * stride), ld, out, width, worker);
                            consumer.accept(
                                    scale,
                                    tiles.row(tile),
                                    tiles.rowCount(tile),
                                    panel,
                                    tiles.column(tile),
                                    width,
                                    out);
                        }
                    }
                });
    }

    private Floats bias(FormedWeights weights, LinearSpec spec) {
        if (spec.bias() == null) {
            return null;
        }
        weights.formWhole(weights.indexOf(spec.bias()), scratch.vector(0), spec.outputs());
        return scratch.vector(0);
    }

    /** Work on one panel of columns that is formed for every scale. */
    private interface PanelTask {
        void run(int panel, Floats place, long stride, long ld, int worker);
    }

    private void runPanels(FormedWeights weights, Call call, PanelTask task) {
        LinearSpec spec = call.spec;
        int tensor = weights.indexOf(spec.weight());
        long elements = weights.slot(tensor).elementCount();
        int panels = call.tiles.columnTiles();
        boolean plain = weights.isPlain(tensor);
        if (plain || elements <= ScratchPlan.WHOLE_MATRIX_ELEMENTS) {
            Floats matrix = plain ? weights.plain(tensor) : scratch.wholeMatrix();
            if (!plain) {
                weights.formWhole(tensor, matrix, elements);
            }
            long ld = spec.inputMajor() ? spec.outputs() : spec.inputs();
            workers.pool()
                    .parallelFor(
                            panels,
                            (panel, worker) ->
                                    task.run(
                                            panel,
                                            matrix.at(call.skip(panel)),
                                            elements,
                                            ld,
                                            worker));
        } else {
            PassPlan plan = weights.storingPlan(tensor);
            workers.pool()
                    .parallelFor(
                            panels,
                            (panel, worker) ->
                                    form(weights, call, tensor, plan, panel, task, worker));
            weights.markFormed(tensor);
        }
    }

    private void form(
            FormedWeights weights,
            Call call,
            int tensor,
            PassPlan plan,
            int panel,
            PanelTask task,
            int worker) {
        LinearSpec spec = call.spec;
        int column = call.column(panel);
        int width = call.tiles.columnCount(panel * call.rowTiles());
        Floats place = scratch.panel(worker);
        long stride = (long) width * spec.inputs();
        if (spec.inputMajor()) {
            weights.formColumns(tensor, plan, column, width, place, stride, worker);
        } else {
            long first = (long) column * spec.inputs();
            weights.formRange(tensor, plan, first, stride, place, stride, worker);
        }
        task.run(panel, place, stride, spec.inputMajor() ? width : spec.inputs(), worker);
    }

    /** Tiles of a matrix that lies whole in memory, each a task of its own. */
    private void multiplyAll(Call call, Floats matrix, long stride, int scales) {
        LinearSpec spec = call.spec;
        long ld = spec.inputMajor() ? spec.outputs() : spec.inputs();
        workers.pool()
                .parallelFor(
                        call.tiles.count() * scales,
                        (task, worker) -> {
                            int tile = task / scales;
                            int scale = task % scales;
                            long skip = call.skip(tile / call.rowTiles());
                            call.multiplyInPlace(
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

        int column(int panel) {
            return tiles.column(panel * rowTiles());
        }

        /** Elements of the stored matrix before a panel. */
        long skip(int panel) {
            return spec.inputMajor() ? column(panel) : (long) column(panel) * spec.inputs();
        }

        void multiplyInPlace(int tile, int scale, Floats panel, long ld, int worker) {
            Floats out = y.of(scale).at(tiles.row(tile) * y.rowStride() + tiles.column(tile));
            multiply(tile, scale, panel, ld, out, y.rowStride(), worker);
        }

        void multiply(
                int tile, int scale, Floats panel, long ld, Floats out, long ldOut, int worker) {
            Floats in = x.of(scale).at(tiles.row(tile) * x.rowStride());
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
                                    : bias.start()
                                            + (long) scale * spec.outputs()
                                            + tiles.column(tile),
                            accumulate,
                            out.segment(),
                            out.start(),
                            ldOut);
        }
    }
}
