package io.millrace.executor.cpu.gradient;

import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.Op;
import java.util.Optional;

/** The way back to the rows of a table: workers share its columns, tokens come in order. */
final class LookupBackward {
    private static final int COLUMNS = 64;

    private final WorkerPool pool;

    LookupBackward(WorkerPool pool) {
        this.pool = pool;
    }

    void run(Op.Lookup op, GradientFrame frame) {
        Optional<Floats> gradient = frame.gradient(op.table().name());
        if (gradient.isEmpty()) {
            return;
        }
        Floats table = gradient.get();
        Variants dy = frame.gradient(op.out());
        int count = frame.rows(op.out());
        int width = op.table().width();
        int[] indices =
                op.index() == Op.Index.ROW
                        ? null
                        : frame.frame().batch().indices(op.index(), op.offset());
        pool.parallelFor(
                Math.ceilDiv(width, COLUMNS),
                Operator.EMBEDDING,
                (piece, _) -> {
                    int column = piece * COLUMNS;
                    int columns = Math.min(COLUMNS, width - column);
                    for (int token = 0; token < count; token++) {
                        long index = indices == null ? token : indices[token];
                        long row = index + op.offset();
                        Floats in = dy.of(0).at(token * dy.rowStride() + column);
                        Rows.addScaled(
                                op.scale(),
                                in.segment(),
                                in.start(),
                                table.segment(),
                                table.start() + row * width + column,
                                columns);
                    }
                });
    }
}
