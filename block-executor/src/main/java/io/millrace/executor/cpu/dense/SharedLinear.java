package io.millrace.executor.cpu.dense;

import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.GemmTiles;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.Rows;
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
import java.util.List;
import java.util.stream.Collectors;

/**
 * Products with matrices that a run only reads: all scales of all queries see the same, so that one
 * product takes the rows of all of them, from the stored bytes where products read their type. What
 * a run trains beside a matrix is formed for each scale, and added tile by tile while the tile is
 * in the cache.
 */
final class SharedLinear implements LinearProgram {
    private final CpuWorkers workers;
    private final Scratch scratch;
    private final WeightPanels panels;
    private final Operands operands;
    private final ThinFactors thin;

    SharedLinear(CpuWorkers workers, Scratch scratch) {
        this.workers = workers;
        this.scratch = scratch;
        panels = new WeightPanels(workers.pool(), scratch);
        operands = new Operands(workers.pool(), scratch);
        thin = new ThinFactors(workers.pool(), scratch);
    }

    @Override
    public void run(
            FormedWeights weights,
            LinearSpec spec,
            Variants x,
            Variants y,
            int rows,
            boolean accumulate) {
        product(weights, spec, x, y, rows, accumulate).make();
    }

    @Override
    public Product product(
            FormedWeights weights,
            LinearSpec spec,
            Variants x,
            Variants y,
            int rows,
            boolean accumulate) {
        Call call = call(weights, spec, x, rows);
        boolean inPlace =
                call.rows.groups() > 1 || y.stride() == call.rows.padded() * y.rowStride();
        return new Job(
                weights,
                call,
                (group, tile, panel, layout, worker) -> {
                    if (inPlace || weights.scaleCount() == 1) {
                        int column = call.tiles().column(tile);
                        call.rows.multiply(
                                workers,
                                group,
                                tile,
                                panel,
                                layout,
                                call.bias(tile),
                                accumulate,
                                call.rows.row(y, group, tile).at(column),
                                y.rowStride(),
                                worker);
                        call.rows.eachScale(
                                group,
                                tile,
                                (scale, row, count, _) ->
                                        thin.add(
                                                call.beside,
                                                scale,
                                                row,
                                                count,
                                                call.columns(tile),
                                                y.of(scale).at(row * y.rowStride() + column),
                                                y.rowStride()));
                    } else {
                        toRows(call, group, tile, panel, layout, accumulate, y, worker);
                    }
                });
    }

    /** By way of a tile: the rows of one scale do not follow those of another. */
    private void toRows(
            Call call,
            int group,
            int tile,
            Floats panel,
            WeightLayout layout,
            boolean accumulate,
            Variants y,
            int worker) {
        int width = call.tiles().columnCount(tile);
        Floats made = made(call, group, tile, panel, layout, worker);
        call.rows.eachScale(
                group,
                tile,
                (scale, row, count, before) -> {
                    Floats part = made.at((long) before * width);
                    thin.add(call.beside, scale, row, count, call.columns(tile), part, width);
                    for (int each = 0; each < count; each++) {
                        Floats in = part.at((long) each * width);
                        Floats out =
                                y.of(scale)
                                        .at(
                                                (row + each) * y.rowStride()
                                                        + call.tiles().column(tile));
                        if (accumulate) {
                            Rows.add(in.segment(), in.start(), out.segment(), out.start(), width);
                        } else {
                            Rows.copy(in.segment(), in.start(), out.segment(), out.start(), width);
                        }
                    }
                });
    }

    /** A tile of the product alone. */
    private Floats made(
            Call call, int group, int tile, Floats panel, WeightLayout layout, int worker) {
        Floats made = scratch.tile(worker);
        int width = call.tiles().columnCount(tile);
        Floats bias = call.bias(tile);
        call.rows.multiply(workers, group, tile, panel, layout, bias, false, made, width, worker);
        return made;
    }

    @Override
    public void runInPanels(
            FormedWeights weights, LinearSpec spec, Variants x, int rows, TileConsumer consumer) {
        productInPanels(weights, spec, x, rows, consumer).make();
    }

    @Override
    public Product productInPanels(
            FormedWeights weights, LinearSpec spec, Variants x, int rows, TileConsumer consumer) {
        Call call = call(weights, spec, x, rows);
        return new Job(
                weights,
                call,
                (group, tile, panel, layout, worker) -> {
                    int width = call.tiles().columnCount(tile);
                    Floats made = made(call, group, tile, panel, layout, worker);
                    call.rows.eachScale(
                            group,
                            tile,
                            (scale, row, count, before) -> {
                                Floats part = made.at((long) before * width);
                                thin.add(
                                        call.beside,
                                        scale,
                                        row,
                                        count,
                                        call.columns(tile),
                                        part,
                                        width);
                                workers.pool().clock().enter(worker, Operator.LOSS);
                                consumer.accept(
                                        scale,
                                        row,
                                        count,
                                        tile / call.tiles().rowTiles(),
                                        call.tiles().column(tile),
                                        width,
                                        part);
                            });
                });
    }

    private Call call(FormedWeights weights, LinearSpec spec, Variants x, int rows) {
        int tensor = weights.indexOf(spec.weight());
        if (!weights.isStill(tensor)) {
            throw new IllegalStateException(spec.weight() + " is not the same for all scales");
        }
        ThinFactors.Beside beside = thin.beside(weights, spec, x, rows);
        StackedRows stacked = StackedRows.of(operands, spec, x, weights.scaleCount(), rows);
        return new Call(stacked, bias(weights, spec), beside);
    }

    private Floats bias(FormedWeights weights, LinearSpec spec) {
        if (spec.bias() == null) {
            return null;
        }
        weights.formWhole(weights.indexOf(spec.bias()), scratch.vector(0), spec.outputs());
        return scratch.vector(0);
    }

    /** Work on one tile of a product. */
    @FunctionalInterface
    private interface Tile {
        void run(int group, int tile, Floats panel, WeightLayout layout, int worker);
    }

    /** A product at work; several with one matrix each take a panel of it while it is there. */
    private final class Job implements Product {
        private final FormedWeights weights;
        private final Call call;
        private final Tile work;

        Job(FormedWeights weights, Call call, Tile work) {
            this.weights = weights;
            this.call = call;
            this.work = work;
        }

        @Override
        public void make() {
            each(List.of(this));
        }

        @Override
        public void makeWith(List<? extends Product> all) {
            // Panels are wider where rows are few.
            all.stream()
                    .map(Job.class::cast)
                    .collect(Collectors.groupingBy(job -> job.call.tiles().columnTile()))
                    .values()
                    .forEach(SharedLinear.this::each);
        }

        /** The tiles of a panel, each of which every job has in an order of its own. */
        int tilesOfPanel() {
            return call.tiles().rowTiles() * call.rows.groups();
        }

        void run(int panel, int which, Floats place, WeightLayout layout, int worker) {
            int tile = panel * call.tiles().rowTiles() + which / call.rows.groups();
            work.run(which % call.rows.groups(), tile, place, layout, worker);
        }
    }

    private void each(List<Job> jobs) {
        FormedWeights weights = jobs.getFirst().weights;
        LinearSpec spec = jobs.getFirst().call.rows.spec();
        GemmTiles tiles = jobs.getFirst().call.tiles();
        int tensor = weights.indexOf(spec.weight());
        if (weights.isPlain(tensor, scratch.operandType())) {
            eachOf(jobs, weights.plain(tensor));
            return;
        }
        Forming form = weights.formingMatrix(tensor);
        if (panels.formsWhole(spec, tiles, form)) {
            Floats matrix;
            try (form) {
                matrix = panels.formWhole(form, weights.slot(tensor).elementCount());
            }
            eachOf(jobs, matrix);
            return;
        }
        try (form) {
            panels.formEach(
                    spec,
                    tiles,
                    form,
                    (panel, place, stride, layout, worker) -> {
                        for (Job job : jobs) {
                            for (int which = 0; which < job.tilesOfPanel(); which++) {
                                job.run(panel, which, place, layout, worker);
                            }
                        }
                    });
        }
    }

    private void eachOf(List<Job> jobs, Floats matrix) {
        LinearSpec spec = jobs.getFirst().call.rows.spec();
        GemmTiles tiles = jobs.getFirst().call.tiles();
        WeightLayout layout = WeightPanels.stored(spec);
        int ofPanel = jobs.stream().mapToInt(Job::tilesOfPanel).sum();
        workers.pool()
                .parallelFor(
                        tiles.columnTiles() * ofPanel,
                        Operator.GEMM,
                        (task, worker) -> {
                            int panel = task / ofPanel;
                            int which = task % ofPanel;
                            int at = 0;
                            while (which >= jobs.get(at).tilesOfPanel()) {
                                which -= jobs.get(at).tilesOfPanel();
                                at++;
                            }
                            Floats place = matrix.at(WeightPanels.skip(spec, tiles, panel));
                            jobs.get(at).run(panel, which, place, layout, worker);
                        });
    }

    /**
     * One operator at work.
     *
     * @param bias the same for all scales, or null
     * @param beside what is added
     */
    private record Call(StackedRows rows, Floats bias, ThinFactors.Beside beside) {
        GemmTiles tiles() {
            return rows.tiles();
        }

        Floats bias(int tile) {
            return bias == null ? null : bias.at(tiles().column(tile));
        }

        ThinFactors.Columns columns(int tile) {
            return new ThinFactors.Columns(tiles().column(tile), tiles().columnCount(tile));
        }
    }
}
