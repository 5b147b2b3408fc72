package io.millrace.executor.cpu.weight;

import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RowTasks;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.memory.BFloat16;
import io.millrace.memory.DType;

/** The left factors of products with weights, in the type that the products read. */
public final class Operands {
    private final WorkerPool pool;
    private final Scratch scratch;

    public Operands(WorkerPool pool, Scratch scratch) {
        this.pool = pool;
        this.scratch = scratch;
    }

    /**
     * Some rows for every scale: as they are where products read float32, else rounded, without a
     * gap between the scales. What was rounded last is valid.
     *
     * @param x [rows, width] for every scale
     * @param scales how many
     * @param rows rows of each
     * @param width elements of a row
     */
    public Variants of(Variants x, int scales, int rows, int width) {
        if (scratch.operandType() == DType.F32) {
            return x;
        }
        Variants rounded = scratch.inputs(width, rows);
        round(pool, x, rounded, scales, rows, width);
        return rounded;
    }

    /** Rounds some rows for every scale to bfloat16. */
    static void round(
            WorkerPool pool, Variants x, Variants rounded, int scales, int rows, int width) {
        RowTasks.run(
                pool,
                Operator.FORM,
                scales,
                rows,
                width,
                (scale, from, to, worker) -> {
                    for (int row = from; row < to; row++) {
                        Floats in = x.of(scale).at(row * x.rowStride());
                        Floats out = rounded.of(scale).at(row * rounded.rowStride());
                        BFloat16.round(
                                in.segment(),
                                in.start() * Float.BYTES,
                                out.segment(),
                                out.start() * Short.BYTES,
                                width);
                    }
                });
    }
}
