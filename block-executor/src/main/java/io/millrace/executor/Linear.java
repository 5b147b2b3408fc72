package io.millrace.executor;

import io.millrace.executor.cpu.GemmTiles;
import io.millrace.executor.cpu.Rows;
import io.millrace.executor.cpu.Sgemm;
import io.millrace.executor.cpu.WorkerPool;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.model.spec.LinearSpec;

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
        TensorSlot weight = weights.slot(spec.weight());
        Floats bias = spec.bias() == null ? null : weights.vector(spec.bias(), scratch.bias());
        Call call = new Call(weights, spec, weight, x, y, rows, accumulate, bias);
        int panelCount = GemmTiles.panelCount(spec.outputs(), spec.inputs());
        if (weights.isPlain(weight)) {
            Floats theta = weights.plain(weight);
            multiplyAll(call, panelCount, panel -> call.wholePanel(theta, panel));
        } else if (weight.elementCount() <= Scratch.WHOLE_MATRIX_ELEMENTS) {
            Floats whole = scratch.wholeMatrix();
            long stride = weight.elementCount();
            weights.formWhole(weight, whole, stride, pool);
            multiplyAll(
                    call,
                    panelCount,
                    panel -> new PanelView(call.wholePanel(whole, panel).base(), stride, call.ld()));
        } else {
            pool.parallelFor(panelCount, (panel, worker) -> formAndMultiply(call, panel, worker));
        }
        weights.markFormed(weight);
    }

    private void formAndMultiply(Call call, int panel, int worker) {
        LinearSpec spec = call.spec;
        int from = GemmTiles.panelStart(spec.outputs(), spec.inputs(), panel);
        int to = GemmTiles.panelStart(spec.outputs(), spec.inputs(), panel + 1);
        int width = to - from;
        Floats place = scratch.panel(worker);
        long stride = (long) width * spec.inputs();
        if (spec.inputMajor()) {
            call.weights.formTile(
                    call.weight, 0, spec.inputs(), from, to, place, stride, worker);
        } else {
            call.weights.formTile(
                    call.weight, from, to, 0, spec.inputs(), place, stride, worker);
        }
        PanelView view = new PanelView(place, stride, spec.inputMajor() ? width : spec.inputs());
        int rowTiles = GemmTiles.rowTileCount(call.rows);
        for (int rowTile = 0; rowTile < rowTiles; rowTile++) {
            for (int scale = 0; scale < call.weights.scaleCount(); scale++) {
                call.multiply(view, panel, rowTile, scale);
            }
        }
    }

    private void multiplyAll(Call call, int panelCount, PanelSource source) {
        int rowTiles = GemmTiles.rowTileCount(call.rows);
        int scales = call.weights.scaleCount();
        pool.parallelFor(
                panelCount * rowTiles * scales,
                (task, worker) -> {
                    int panel = task / (rowTiles * scales);
                    int rest = task % (rowTiles * scales);
                    call.multiply(source.panel(panel), panel, rest / scales, rest % scales);
                });
    }

    private interface PanelSource {
        PanelView panel(int index);
    }

    /** A formed panel: its place for scale 0, elements to the next scale's, and its row stride. */
    private record PanelView(Floats base, long stride, long ld) {}

    private record Call(
            FormedWeights weights,
            LinearSpec spec,
            TensorSlot weight,
            Variants x,
            Variants y,
            int rows,
            boolean accumulate,
            Floats bias) {

        long ld() {
            return spec.inputMajor() ? spec.outputs() : spec.inputs();
        }

        PanelView wholePanel(Floats matrix, int panel) {
            int from = GemmTiles.panelStart(spec.outputs(), spec.inputs(), panel);
            long skip = spec.inputMajor() ? from : (long) from * spec.inputs();
            return new PanelView(matrix.at(skip), 0, ld());
        }

        void multiply(PanelView panel, int panelIndex, int rowTile, int scale) {
            int from = GemmTiles.panelStart(spec.outputs(), spec.inputs(), panelIndex);
            int to = GemmTiles.panelStart(spec.outputs(), spec.inputs(), panelIndex + 1);
            int rowFrom = GemmTiles.rowTileStart(rows, rowTile);
            int rowCount = GemmTiles.rowTileStart(rows, rowTile + 1) - rowFrom;
            Floats in = x.of(scale).at(rowFrom * x.rowStride());
            Floats out = y.of(scale).at(rowFrom * y.rowStride() + from);
            Floats w = panel.base().at(scale * panel.stride());
            Sgemm.sgemm(
                    false,
                    !spec.inputMajor(),
                    rowCount,
                    to - from,
                    spec.inputs(),
                    1f,
                    in.segment(),
                    in.start(),
                    x.rowStride(),
                    w.segment(),
                    w.start(),
                    panel.ld(),
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
                        to - from,
                        b.segment(),
                        b.start());
            }
        }
    }

    /** Whether a dtype's bytes can be multiplied with as they are. */
    static boolean isFloat(DType dtype) {
        return dtype == DType.F32;
    }
}
