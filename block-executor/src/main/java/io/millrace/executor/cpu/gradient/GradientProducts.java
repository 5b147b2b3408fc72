package io.millrace.executor.cpu.gradient;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.Gemm;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.Sgemm;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.cpu.weight.Forming;
import io.millrace.executor.cpu.weight.RoundedRows;
import io.millrace.executor.cpu.weight.TensorForm;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.memory.DType;
import io.millrace.model.spec.LinearSpec;
import java.util.List;

/**
 * The two products of a product's way back, cut into tiles by shapes alone, so that the number of
 * workers decides no bit: of gradients with a matrix of weights, and of gradients with what came
 * in.
 */
final class GradientProducts {
    /** Elements of a matrix of weights that are formed at once. */
    static final long PANEL = 1L << 22;

    private static final int TILE_ROWS = 256;
    private static final int TILE_COLUMNS = 384;
    // Where the matrix is stored as it is multiplied with, a general product is up to twice as fast
    // as a primitive for the shape: rows of 3,072 floats fall into few sets of the cache.
    private static final int BACK_ROWS = 512;
    private static final int BACK_COLUMNS = 384;

    // Turned, it is a product as those of the way there.
    private static final int PANEL_ROWS = 1024;
    private static final int PANEL_COLUMNS = 64;

    private final CpuWorkers workers;
    private final DType type; // that products read
    private final Floats panel; // [PANEL], of a matrix that is not stored in that type
    private final RoundedRows given;
    private final RoundedRows seen;

    /**
     * Products of float32, or of what is rounded to bfloat16; sums are of float32 either way.
     *
     * @param type that products with matrices of weights and of their gradients read
     * @param panel room of {@link #panelFloats}
     * @param given room for gradients of what comes out
     * @param seen room for what came in
     */
    GradientProducts(CpuWorkers workers, DType type, Floats panel, Floats given, Floats seen) {
        this.workers = workers;
        this.type = type;
        this.panel = new Floats(panel.segment(), panel.start(), type);
        this.given = new RoundedRows(workers.pool(), type, given);
        this.seen = new RoundedRows(workers.pool(), type, seen);
    }

    /** The gradient of what comes out of products with a matrix, as they read it. */
    Variants given(Variants dy, int width, int rows) {
        return given.of(dy, width, rows);
    }

    /**
     * {@code C += Aᵀ B} of the gradient of a matrix, one of the factors being what is {@linkplain
     * #given given} and the other what came in.
     *
     * @param c in the shape that the matrix is stored in
     */
    void addMatrix(LinearSpec spec, Variants x, Variants dy, int rows, Floats c) {
        int outputs = spec.outputs();
        int inputs = spec.inputs();
        Variants in = seen.of(x, inputs, rows);
        if (spec.inputMajor()) {
            addOuter(in, inputs, dy, outputs, rows, c);
        } else {
            addOuter(dy, outputs, in, inputs, rows, c);
        }
    }

    /** Floats of a panel of any of some matrices. */
    static long panelFloats(List<LinearSpec> matrices) {
        long floats = 1;
        for (LinearSpec matrix : matrices) {
            long width = matrix.inputMajor() ? matrix.outputs() : matrix.inputs();
            long all = (long) matrix.inputs() * matrix.outputs();
            floats = Math.max(floats, Math.min(all, Math.max(width, PANEL)));
        }
        return floats;
    }

    /**
     * {@code C += Aᵀ B}.
     *
     * @param a [rows, m]; of bfloat16 as {@link RoundedRows} has it, and then b is so too
     * @param b [rows, n]
     * @param c [m, n] without a gap
     */
    void addOuter(Variants a, int m, Variants b, int n, int rows, Floats c) {
        int down = Math.ceilDiv(m, TILE_ROWS);
        int across = Math.ceilDiv(n, TILE_COLUMNS);
        Floats left = a.of(0);
        Floats right = b.of(0);
        workers.pool()
                .parallelFor(
                        down * across,
                        Operator.GEMM,
                        (tile, worker) -> {
                            int row = tile / across * TILE_ROWS;
                            int column = tile % across * TILE_COLUMNS;
                            int high = Math.min(TILE_ROWS, m - row);
                            int wide = Math.min(TILE_COLUMNS, n - column);
                            long to = c.start() + (long) row * n + column;
                            if (left.type() == DType.BF16) {
                                workers.gemm(worker)
                                        .addOuter(
                                                high,
                                                wide,
                                                MicroBatch.padded(rows),
                                                left.segment(),
                                                left.start() + row,
                                                a.rowStride(),
                                                right.segment(),
                                                right.start() + column,
                                                b.rowStride(),
                                                c.segment(),
                                                to,
                                                n);
                                return;
                            }
                            Sgemm.sgemm(
                                    true,
                                    false,
                                    high,
                                    wide,
                                    rows,
                                    1,
                                    left.segment(),
                                    left.start() + row,
                                    a.rowStride(),
                                    right.segment(),
                                    right.start() + column,
                                    b.rowStride(),
                                    1,
                                    c.segment(),
                                    to,
                                    n);
                        });
    }

    /**
     * {@code dX = dY W} or {@code dX += dY W}, where {@code y = x Wᵀ}.
     *
     * @param spec the product's
     * @param out [rows, outputs], the gradient of y as {@link #given} has it
     * @param in [rows, inputs], that of x
     * @param adds whether to add to what is there
     */
    void back(
            FormedWeights weights,
            LinearSpec spec,
            Variants out,
            Variants in,
            int rows,
            boolean adds) {
        int tensor = weights.indexOf(spec.weight());
        long stored = spec.inputMajor() ? spec.inputs() : spec.outputs(); // rows
        long width = spec.inputMajor() ? spec.outputs() : spec.inputs();
        if (weights.isPlain(tensor, type)) {
            back(spec, weights.plain(tensor), new Part(0, stored), out, in, rows, adds);
            return;
        }
        long rowsEach = Math.max(1, PANEL / width);
        try (Forming form = weights.formingMatrix(tensor)) {
            for (long first = 0; first < stored; first += rowsEach) {
                Part part = new Part(first, Math.min(rowsEach, stored - first));
                TensorForm.share(
                        workers.pool(),
                        part.count * width,
                        (at, count, worker) ->
                                form.range(
                                        part.first * width + at, count, panel.at(at), 0, worker));
                // Stored [inputs, outputs], some rows give some columns whole; else some summands.
                boolean later = !spec.inputMajor() && first > 0;
                back(spec, panel, part, out, in, rows, adds || later);
            }
        }
    }

    /** Some rows of a matrix as it is stored. */
    private record Part(long first, long count) {}

    private void back(
            LinearSpec spec,
            Floats matrix,
            Part part,
            Variants out,
            Variants in,
            int rows,
            boolean adds) {
        int first = Math.toIntExact(part.first);
        int count = Math.toIntExact(part.count);
        if (spec.inputMajor()) {
            multiplyTurned(out, matrix, in.column(first), rows, count, spec.outputs(), adds);
        } else {
            multiply(out.column(first), matrix, in, rows, spec.inputs(), count, adds);
        }
    }

    /** {@code Y = X W} with W [k, n]. */
    private void multiply(Variants x, Floats w, Variants y, int rows, int n, int k, boolean adds) {
        int across = Math.ceilDiv(n, BACK_COLUMNS);
        workers.pool()
                .parallelFor(
                        Math.ceilDiv(rows, BACK_ROWS) * across,
                        Operator.GEMM,
                        (tile, worker) -> {
                            int row = tile / across * BACK_ROWS;
                            int column = tile % across * BACK_COLUMNS;
                            Floats left = x.of(0).at(row * x.rowStride());
                            Floats to = y.of(0).at(row * y.rowStride() + column);
                            if (type == DType.BF16) {
                                multiply(
                                        Math.min(BACK_ROWS, MicroBatch.padded(rows) - row),
                                        Math.min(BACK_COLUMNS, n - column),
                                        k,
                                        left,
                                        x.rowStride(),
                                        w.at(column),
                                        Gemm.Order.INPUTS,
                                        n,
                                        adds,
                                        to,
                                        y.rowStride(),
                                        worker);
                                return;
                            }
                            Sgemm.sgemm(
                                    false,
                                    false,
                                    Math.min(BACK_ROWS, rows - row),
                                    Math.min(BACK_COLUMNS, n - column),
                                    k,
                                    1,
                                    left.segment(),
                                    left.start(),
                                    x.rowStride(),
                                    w.segment(),
                                    w.start() + column,
                                    n,
                                    adds ? 1 : 0,
                                    to.segment(),
                                    to.start(),
                                    y.rowStride());
                        });
    }

    /** {@code Y = X Wᵀ} with W [n, k]. */
    private void multiplyTurned(
            Variants x, Floats w, Variants y, int rows, int n, int k, boolean adds) {
        int padded = MicroBatch.padded(rows);
        int down = Math.ceilDiv(padded, PANEL_ROWS);
        workers.pool()
                .parallelFor(
                        down * Math.ceilDiv(n, PANEL_COLUMNS),
                        Operator.GEMM,
                        (tile, worker) -> {
                            int row = tile % down * PANEL_ROWS;
                            int column = tile / down * PANEL_COLUMNS;
                            Floats left = x.of(0).at(row * x.rowStride());
                            Floats to = y.of(0).at(row * y.rowStride() + column);
                            multiply(
                                    Math.min(PANEL_ROWS, padded - row),
                                    Math.min(PANEL_COLUMNS, n - column),
                                    k,
                                    left,
                                    x.rowStride(),
                                    w.at((long) column * k),
                                    Gemm.Order.OUTPUTS,
                                    k,
                                    adds,
                                    to,
                                    y.rowStride(),
                                    worker);
                        });
    }

    /** One tile, by a primitive for its shape. */
    private void multiply(
            int m,
            int n,
            int k,
            Floats x,
            long ldx,
            Floats w,
            Gemm.Order order,
            long ldw,
            boolean adds,
            Floats y,
            long ldy,
            int worker) {
        workers.gemm(worker)
                .multiply(
                        type,
                        m,
                        n,
                        k,
                        x.segment(),
                        x.start(),
                        ldx,
                        w.segment(),
                        w.start(),
                        order,
                        ldw,
                        null,
                        0,
                        adds,
                        y.segment(),
                        y.start(),
                        ldy);
    }
}
