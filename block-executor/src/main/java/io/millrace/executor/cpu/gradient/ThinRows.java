package io.millrace.executor.cpu.gradient;

import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.Sgemm;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;

/** Products of rows with thin factors, cut into pieces of rows that no worker decides. */
final class ThinRows {
    private static final int ROWS = 64;

    private final WorkerPool pool;

    ThinRows(WorkerPool pool) {
        this.pool = pool;
    }

    /**
     * {@code y = alpha x W + beta y}.
     *
     * @param x [rows, k]
     * @param w [k, n], without a gap
     * @param y [rows, n]
     */
    void multiply(
            int rows, int n, int k, float alpha, Variants x, Floats w, float beta, Variants y) {
        run(false, rows, n, k, alpha, x, w, n, beta, y);
    }

    /** The same with {@code Wᵀ}, W being [n, k]. */
    void multiplyTurned(
            int rows, int n, int k, float alpha, Variants x, Floats w, float beta, Variants y) {
        run(true, rows, n, k, alpha, x, w, k, beta, y);
    }

    private void run(
            boolean turned,
            int rows,
            int n,
            int k,
            float alpha,
            Variants x,
            Floats w,
            int ldw,
            float beta,
            Variants y) {
        pool.parallelFor(
                Math.ceilDiv(rows, ROWS),
                Operator.LOW_RANK,
                (piece, _) -> {
                    int row = piece * ROWS;
                    Floats in = x.of(0).at(row * x.rowStride());
                    Floats out = y.of(0).at(row * y.rowStride());
                    Sgemm.sgemm(
                            false,
                            turned,
                            Math.min(ROWS, rows - row),
                            n,
                            k,
                            alpha,
                            in.segment(),
                            in.start(),
                            x.rowStride(),
                            w.segment(),
                            w.start(),
                            ldw,
                            beta,
                            out.segment(),
                            out.start(),
                            y.rowStride());
                });
    }
}
