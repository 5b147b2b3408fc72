package io.millrace.executor.cpu.lowrank;

import io.millrace.executor.cpu.dense.DenseLinear;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.GemmTiles;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RowTasks;
import io.millrace.executor.cpu.op.SideProducts;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.cpu.weight.Forming;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.cpu.weight.Operands;
import io.millrace.executor.cpu.weight.StackedRows;
import io.millrace.executor.cpu.weight.WeightLayout;
import io.millrace.executor.cpu.weight.WeightPanels;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.spec.LinearSpec;

/**
 * The way of thin factors: {@code y(s) = decay · x(s) θᵀ + (x(s) V) w(s)ᵀ + b(s)}. The product with
 * θ is one over the rows of all scales, from the stored bytes where products read their type; what
 * is beside it is float32 and added tile by tile while the tile is in the cache. θ itself goes the
 * dense way.
 */
final class LowRankLinear implements LinearProgram {
    private final CpuWorkers workers;
    private final Scratch scratch;
    private final ThinPasses passes;
    private final DenseLinear atTheta;
    private final WeightPanels panels;
    private final Operands operands;

    LowRankLinear(CpuWorkers workers, Scratch scratch, ThinPasses passes) {
        this.workers = workers;
        this.scratch = scratch;
        this.passes = passes;
        atTheta = new DenseLinear(workers, scratch);
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
        if (weights.isStill(weights.indexOf(spec.weight()))) {
            atTheta.run(weights, spec, x, y, rows, accumulate);
            return;
        }
        Floats bias = bias(weights, spec);
        Call call = call(weights, spec, x, rows, bias);
        TileConsumer add =
                (scale, row, rowCount, panel, column, width, tile) -> {
                    Floats out = y.of(scale).at(row * y.rowStride() + column);
                    call.add(
                            scale,
                            row,
                            rowCount,
                            column,
                            width,
                            tile,
                            accumulate,
                            out,
                            y.rowStride());
                };
        each(weights, call, add);
    }

    @Override
    public void runInPanels(
            FormedWeights weights, LinearSpec spec, Variants x, int rows, TileConsumer consumer) {
        if (weights.isStill(weights.indexOf(spec.weight()))) {
            atTheta.runInPanels(weights, spec, x, rows, consumer);
            return;
        }
        Call call = call(weights, spec, x, rows, bias(weights, spec));
        TileConsumer add =
                (scale, row, rowCount, panel, column, width, tile) -> {
                    call.add(scale, row, rowCount, column, width, tile, false, tile, width);
                    consumer.accept(scale, row, rowCount, panel, column, width, tile);
                };
        each(weights, call, add);
    }

    private Floats bias(FormedWeights weights, LinearSpec spec) {
        if (spec.bias() == null) {
            return null;
        }
        weights.formWhole(weights.indexOf(spec.bias()), scratch.vector(0), spec.outputs());
        return scratch.vector(0);
    }

    private Call call(FormedWeights weights, LinearSpec spec, Variants x, int rows, Floats bias) {
        int tensor = weights.indexOf(spec.weight());
        ThinPasses.Beside beside = passes.beside(weights.visit(), tensor, weights.seen(tensor));
        int scales = weights.scaleCount();
        StackedRows stacked = StackedRows.of(operands, spec, x, scales, rows);
        Call call = new Call(spec, x, stacked, bias, beside, passes.products());
        RowTasks.run(
                workers.pool(),
                Operator.LOW_RANK,
                scales,
                rows,
                (long) beside.rank() * spec.inputs(),
                (scale, from, to, worker) -> call.project(scale, from, to));
        return call;
    }

    private void each(FormedWeights weights, Call call, TileConsumer add) {
        LinearSpec spec = call.spec;
        GemmTiles tiles = call.tiles();
        int tensor = weights.indexOf(spec.weight());
        long elements = weights.slot(tensor).elementCount();
        if (passes.isBase(weights.visit(), tensor, scratch.operandType())) {
            multiplyAll(call, weights.plain(tensor), add);
            return;
        }
        Forming form = base(weights, tensor);
        if (panels.formsWhole(spec, tiles, form)) {
            Floats matrix;
            try (form) {
                matrix = panels.formWhole(form, elements);
            }
            multiplyAll(call, matrix, add);
            return;
        }
        try (form) {
            panels.formEach(
                    spec,
                    tiles,
                    form,
                    (panel, place, stride, layout, worker) -> {
                        for (int group = 0; group < call.rows.groups(); group++) {
                            for (int rowTile = 0; rowTile < tiles.rowTiles(); rowTile++) {
                                int tile = panel * tiles.rowTiles() + rowTile;
                                multiply(call, group, tile, place, layout, add, worker);
                            }
                        }
                    });
        }
    }

    private Forming base(FormedWeights weights, int tensor) {
        return new Forming(weights.visit(), tensor, passes.base(weights.visit(), tensor));
    }

    private void multiplyAll(Call call, Floats matrix, TileConsumer add) {
        WeightLayout layout = WeightPanels.stored(call.spec);
        workers.pool()
                .parallelFor(
                        call.tiles().count() * call.rows.groups(),
                        Operator.GEMM,
                        (task, worker) -> {
                            int tile = task / call.rows.groups();
                            int panel = tile / call.tiles().rowTiles();
                            long skip = WeightPanels.skip(call.spec, call.tiles(), panel);
                            multiply(
                                    call,
                                    task % call.rows.groups(),
                                    tile,
                                    matrix.at(skip),
                                    layout,
                                    add,
                                    worker);
                        });
    }

    /** The product of one tile, and then what is beside it, for each scale that has rows in it. */
    private void multiply(
            Call call,
            int group,
            int tile,
            Floats panel,
            WeightLayout layout,
            TileConsumer add,
            int worker) {
        GemmTiles tiles = call.tiles();
        int width = tiles.columnCount(tile);
        Floats out = scratch.tile(worker);
        call.rows.multiply(workers, group, tile, panel, layout, null, false, out, width, worker);
        call.rows.eachScale(
                group,
                tile,
                (scale, row, count, before) ->
                        add.accept(
                                scale,
                                row,
                                count,
                                tile / tiles.rowTiles(),
                                tiles.column(tile),
                                width,
                                out.at((long) before * width)));
    }

    /**
     * One operator at work.
     *
     * @param x what is multiplied, as it is
     * @param rows and in the type that the product with θ reads
     */
    private record Call(
            LinearSpec spec,
            Variants x,
            StackedRows rows,
            Floats bias,
            ThinPasses.Beside beside,
            Floats products) {

        GemmTiles tiles() {
            return rows.tiles();
        }

        int rank() {
            return beside.rank();
        }

        /** The products of some rows with the factor on the input's side. */
        void project(int scale, int from, int to) {
            Floats in = x.of(scale).at(from * x.rowStride());
            Floats factor = (spec.inputMajor() ? beside.sides() : beside.rights()).get(scale);
            Floats out = products(scale, from);
            SideProducts.project(
                    in.segment(),
                    in.start(),
                    x.rowStride(),
                    to - from,
                    spec.inputs(),
                    factor.segment(),
                    factor.start(),
                    rank(),
                    out.segment(),
                    out.start());
        }

        /** Adds the products with the factor on the output's side. */
        void add(
                int scale,
                int row,
                int rowCount,
                int column,
                int width,
                Floats tile,
                boolean accumulate,
                Floats out,
                long outStride) {
            Floats factor = (spec.inputMajor() ? beside.rights() : beside.sides()).get(scale);
            Floats thin = products(scale, row);
            Floats summand = bias == null ? null : bias.at((long) scale * spec.outputs() + column);
            SideProducts.add(
                    tile.segment(),
                    tile.start(),
                    width,
                    rowCount,
                    width,
                    beside.decay(),
                    summand == null ? null : summand.segment(),
                    summand == null ? 0 : summand.start(),
                    thin.segment(),
                    thin.start(),
                    rank(),
                    factor.segment(),
                    factor.start() + column,
                    spec.outputs(),
                    accumulate,
                    out.segment(),
                    out.start(),
                    outStride);
        }

        private Floats products(int scale, int row) {
            return products.at(((long) scale * rows.padded() + row) * rank());
        }
    }
}
