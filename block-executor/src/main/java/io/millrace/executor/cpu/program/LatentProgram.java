package io.millrace.executor.cpu.program;

import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RowTasks;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.LatentOp;
import io.millrace.model.spec.LatentHeads;

/** Lays out the heads of attention over a latent vector. */
final class LatentProgram {
    private final WorkerPool pool;

    LatentProgram(WorkerPool pool) {
        this.pool = pool;
    }

    void run(LatentOp op, BlockFrame frame, Variants out, int rows) {
        switch (op) {
            case LatentOp.Columns columns -> {
                Variants in = frame.place(columns.in());
                int width = columns.out().width();
                eachRow(
                        frame,
                        rows,
                        width,
                        (scale, row) -> {
                            Floats from = in.of(scale).at(row * in.rowStride() + columns.start());
                            copy(from, out.of(scale).at(row * out.rowStride()), width);
                        });
            }
            case LatentOp.Join join -> {
                Variants queries = frame.place(join.queries());
                Variants expanded = frame.place(join.expanded());
                Variants shared = frame.place(join.shared());
                int first = join.shared().width() - join.heads().turned();
                eachRow(
                        frame,
                        rows,
                        join.heads().rowWidth(),
                        (scale, row) ->
                                join(
                                        join.heads(),
                                        queries.of(scale).at(row * queries.rowStride()),
                                        expanded.of(scale).at(row * expanded.rowStride()),
                                        shared.of(scale).at(row * shared.rowStride() + first),
                                        out.of(scale).at(row * out.rowStride())));
            }
        }
    }

    private static void join(
            LatentHeads heads, Floats queries, Floats expanded, Floats shared, Floats out) {
        int all = heads.queryWidth();
        copy(queries, out, all);
        for (int head = 0; head < heads.count(); head++) {
            Floats own = expanded.at((long) head * (heads.still() + heads.value()));
            Floats key = out.at(all + (long) head * heads.dim());
            copy(own, key, heads.still());
            copy(shared, key.at(heads.still()), heads.turned());
            copy(
                    own.at(heads.still()),
                    out.at(2L * all + (long) head * heads.value()),
                    heads.value());
        }
    }

    private static void copy(Floats from, Floats to, long count) {
        Rows.copy(from.segment(), from.start(), to.segment(), to.start(), count);
    }

    /** What is done with one row. */
    private interface EachRow {
        void run(int scale, long row);
    }

    private void eachRow(BlockFrame frame, int rows, long width, EachRow work) {
        RowTasks.run(
                pool,
                Operator.ROTARY,
                frame.scales(),
                rows,
                width,
                (scale, from, to, worker) -> {
                    for (int row = from; row < to; row++) {
                        work.run(scale, row);
                    }
                });
    }
}
