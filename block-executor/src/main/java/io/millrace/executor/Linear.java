package io.millrace.executor;

import io.millrace.executor.cpu.GemmTiles;
import io.millrace.executor.cpu.Rows;
import io.millrace.executor.cpu.Sgemm;
import io.millrace.executor.cpu.WorkerPool;
import io.millrace.model.spec.LinearSpec;
import io.millrace.optim.PassPlan;

/**
 * {@code y = x θ(s)ᵀ + b(s)} for every scale s of a probe, where θ(s) exists only as panels of some
 * output columns in scratch.
 *
 * <p>The shapes of the GEMM calls follow from the operator's shape alone, so that results do not
 * depend on the number of workers, and a small matrix, formed whole, gives the same bytes as a
 * large one, formed a panel at a time by the worker that multiplies with it.
 */
final class Linear {
    private final WorkerPool pool;
    private final Scratch scratch;

    Linear(WorkerPool pool, Scratch scratch) {
        this.pool = pool;
        this.scratch = scratch;
    }

    /**
     * Runs one operator.
     *
     * @param weights the block's weights as the probe wants them
     * @param spec the operator
     * @param x [rows, inputs] for every scale
     * @param y [rows, outputs] for every scale
     * @param rows number of rows
     * @param accumulate whether to add to y what is there
     */
    void run(
            FormedWeights weights,
            LinearSpec spec,
            Variants x,
            Variants y,
            int rows,
            boolean accumulate) {
        int tensor = weights.indexOf(spec.weight());
        Floats bias = bias(weights, spec);
        Call call = new Call(weights, spec, tensor, x, y, rows, accumulate, bias);
        int panelCount = GemmTiles.panelCount(spec.outputs(), spec.inputs());
        long elements = weights.slot(tensor).elementCount();
        if (weights.isPlain(tensor)) {
            multiplyAll(call, panelCount, weights.plain(tensor), 0);
        } else if (elements <= Scratch.WHOLE_MATRIX_ELEMENTS) {
            weights.formWhole(tensor, scratch.wholeMatrix(), elements);
            multiplyAll(call, panelCount, scratch.wholeMatrix(), elements);
        } else {
            PassPlan plan = weights.storingPlan(tensor);
            pool.parallelFor(
                    panelCount, (panel, worker) -> formAndMultiply(call, plan, panel, worker));
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

    private void formAndMultiply(Call call, PassPlan plan, int panel, int worker) {
        LinearSpec spec = call.spec;
        int from = GemmTiles.panelStart(spec.outputs(), spec.inputs(), panel);
        int width = GemmTiles.panelStart(spec.outputs(), spec.inputs(), panel + 1) - from;
        Floats place = scratch.panel(worker);
        long stride = (long) width * spec.inputs();
        if (spec.inputMajor()) {
            call.weights.formColumns(call.tensor, plan, from, width, place, stride, worker);
        } else {
            long first = (long) from * spec.inputs();
            call.weights.formRange(call.tensor, plan, first, stride, place, stride, worker);
        }
        long ld = spec.inputMajor() ? width : spec.inputs();
        int rowTiles = GemmTiles.rowTileCount(call.rows);
        for (int rowTile = 0; rowTile < rowTiles; rowTile++) {
            for (int scale = 0; scale < call.weights.scaleCount(); scale++) {
                call.multiply(place.at(scale * stride), ld, panel, rowTile, scale, worker);
            }
        }
    }

    private void multiplyAll(Call call, int panelCount, Floats matrix, long stride) {
        LinearSpec spec = call.spec;
        int rowTiles = GemmTiles.rowTileCount(call.rows);
        int scales = call.weights.scaleCount();
        long ld = spec.inputMajor() ? spec.outputs() : spec.inputs();
        pool.parallelFor(
                panelCount * rowTiles * scales,
                (task, worker) -> {
                    int panel = task / (rowTiles * scales);
                    int rowTile = task / scales % rowTiles;
                    int scale = task % scales;
                    int from = GemmTiles.panelStart(spec.outputs(), spec.inputs(), panel);
                    long skip = spec.inputMajor() ? from : (long) from * spec.inputs();
                    call.multiply(
                            matrix.at(scale * stride + skip), ld, panel, rowTile, scale, worker);
                });
    }

    private record Call(
            FormedWeights weights,
            LinearSpec spec,
            int tensor,
            Variants x,
            Variants y,
            int rows,
            boolean accumulate,
            Floats bias) {

        void multiply(Floats panel, long ld, int panelIndex, int rowTile, int scale, int worker) {
            int from = GemmTiles.panelStart(spec.outputs(), spec.inputs(), panelIndex);
            int width = GemmTiles.panelStart(spec.outputs(), spec.inputs(), panelIndex + 1) - from;
            int rowFrom = GemmTiles.rowTileStart(rows, rowTile);
            int rowCount = GemmTiles.rowTileStart(rows, rowTile + 1) - rowFrom;
            Floats in = x.of(scale).at(rowFrom * x.rowStride());
            Floats out = y.of(scale).at(rowFrom * y.rowStride() + from);
            Sgemm.sgemm(
                    false,
                    !spec.inputMajor(),
                    rowCount,
                    width,
                    spec.inputs(),
                    1f,
                    in.segment(),
                    in.start(),
                    x.rowStride(),
                    panel.segment(),
                    panel.start(),
                    ld,
                    accumulate ? 1f : 0f,
                    out.segment(),
                    out.start(),
                    y.rowStride());
            if (bias != null) {
                Floats b = bias.at((long) scale * spec.outputs() + from);
                Rows.addVector(
                        out.segment(),
                        out.start(),
                        y.rowStride(),
                        rowCount,
                        width,
                        b.segment(),
                        b.start());
            }
        }
    }
}
