package io.millrace.executor.cpu.dense;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.GemmTiles;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.cpu.weight.Forming;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.cpu.weight.Operands;
import io.millrace.executor.cpu.weight.WeightLayout;
import io.millrace.executor.cpu.weight.WeightPanels;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.spec.LinearSpec;

/**
 * The dense way: θ(s) exists only in scratch, small matrices whole, large ones a panel of output
 * columns at a time.
 *
 * <p>The shapes of the products follow from the operator's shape alone, so that neither the number
 * of workers nor the way of forming decides a byte.
 */
public final class DenseLinear implements LinearProgram {
    private final CpuWorkers workers;
    private final Scratch scratch;
    private final WeightPanels panels;
    private final Operands operands;

    public DenseLinear(CpuWorkers workers, Scratch scratch) {
        this.workers = workers;
        this.scratch = scratch;
        panels = new WeightPanels(workers.pool(), scratch);
        operands = new Operands(workers.pool(), scratch);
    }

    @Override
    public void run(
            FormedWeights weights,
            LinearSpec spec,
            Variants x,
            Variants y,
            int rows,
            boolean accumulate) {
        int tensor = weights.indexOf(spec.weight());
        GemmTiles tiles = GemmTiles.of(MicroBatch.padded(rows), spec.outputs());
        Variants in = operands.of(x, weights.scaleCount(), rows, spec.inputs());
        Call call = new Call(workers, spec, tiles, in, y, bias(weights, spec), accumulate);
        long elements = weights.slot(tensor).elementCount();
        if (weights.isPlain(tensor, scratch.operandType())) {
            multiplyAll(call, weights.plain(tensor), 0, weights.scaleCount());
            return;
        }
        Forming form = weights.formingMatrix(tensor);
        if (panels.formsWhole(spec, tiles, form)) {
            Floats matrix;
            try (form) {
                matrix = panels.formWhole(form, elements);
            }
            multiplyAll(call, matrix, weights.matrixStride(tensor, elements), weights.scaleCount());
            return;
        }
        try (form) {
            panels.formEach(
                    spec,
                    tiles,
                    form,
                    (panel, place, stride, layout, worker) -> {
                        int rowTiles = tiles.rowTiles();
                        for (int rowTile = 0; rowTile < rowTiles; rowTile++) {
                            int tile = panel * rowTiles + rowTile;
                            for (int scale = 0; scale < weights.scaleCount(); scale++) {
                                Floats formed =
                                        place.at(scale * weights.matrixStride(tensor, stride));
                                call.multiplyInPlace(tile, scale, formed, layout, worker);
                            }
                        }
                    });
        }
    }

    @Override
    public void runInPanels(
            FormedWeights weights, LinearSpec spec, Variants x, int rows, TileConsumer consumer) {
        GemmTiles tiles = GemmTiles.of(MicroBatch.padded(rows), spec.outputs());
        int tensor = weights.indexOf(spec.weight());
        Variants in = operands.of(x, weights.scaleCount(), rows, spec.inputs());
        Call call = new Call(workers, spec, tiles, in, null, bias(weights, spec), false);
        eachPanel(
                weights,
                spec,
                tiles,
                (panel, place, stride, layout, worker) -> {
                    int rowTiles = tiles.rowTiles();
                    for (int rowTile = 0; rowTile < rowTiles; rowTile++) {
                        int tile = panel * rowTiles + rowTile;
                        int width = tiles.columnCount(tile);
                        for (int scale = 0; scale < weights.scaleCount(); scale++) {
                            Floats out = scratch.tile(worker);
                            call.multiply(
                                    tile,
                                    scale,
                                    place.at(scale * weights.matrixStride(tensor, stride)),
                                    layout,
                                    out,
                                    width,
                                    worker);
                            workers.pool().clock().enter(worker, Operator.LOSS);
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

    private void eachPanel(
            FormedWeights weights, LinearSpec spec, GemmTiles tiles, WeightPanels.Task task) {
        int tensor = weights.indexOf(spec.weight());
        long elements = weights.slot(tensor).elementCount();
        if (weights.isPlain(tensor, scratch.operandType())) {
            panels.each(spec, tiles, weights.plain(tensor), 0, task);
            return;
        }
        try (Forming form = weights.formingMatrix(tensor)) {
            if (panels.formsWhole(spec, tiles, form)) {
                panels.each(spec, tiles, panels.formWhole(form, elements), elements, task);
            } else {
                panels.formEach(spec, tiles, form, task);
            }
        }
    }

    /** Tiles of a matrix that lies whole in memory, each a task of its own. */
    private void multiplyAll(Call call, Floats matrix, long stride, int scales) {
        LinearSpec spec = call.spec;
        WeightLayout layout = WeightPanels.stored(spec);
        workers.pool()
                .parallelFor(
                        call.tiles.count() * scales,
                        Operator.GEMM,
                        (task, worker) -> {
                            int tile = task / scales;
                            int scale = task % scales;
                            int panel = tile / call.tiles.rowTiles();
                            long skip = WeightPanels.skip(spec, call.tiles, panel);
                            call.multiplyInPlace(
                                    tile, scale, matrix.at(scale * stride + skip), layout, worker);
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

        void multiplyInPlace(int tile, int scale, Floats panel, WeightLayout layout, int worker) {
            Floats out = y.of(scale).at(tiles.row(tile) * y.rowStride() + tiles.column(tile));
            multiply(tile, scale, panel, layout, out, y.rowStride(), worker);
        }

        void multiply(
                int tile,
                int scale,
                Floats panel,
                WeightLayout layout,
                Floats out,
                long ldOut,
                int worker) {
            Floats in = x.of(scale).at(tiles.row(tile) * x.rowStride());
            workers.pool().clock().enter(worker, Operator.GEMM);
            workers.gemm(worker)
                    .multiply(
                            panel.type(),
                            tiles.rowCount(tile),
                            tiles.columnCount(tile),
                            spec.inputs(),
                            in.segment(),
                            in.start(),
                            x.rowStride(),
                            panel.segment(),
                            panel.start(),
                            layout.order(),
                            layout.ld(),
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
