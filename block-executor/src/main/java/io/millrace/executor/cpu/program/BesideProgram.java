package io.millrace.executor.cpu.program;

import io.millrace.executor.batch.Sequences;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RowTasks;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.Bottleneck;
import io.millrace.model.program.Op;
import io.millrace.model.spec.HeadColumns;
import io.millrace.model.spec.TensorSpec;

/** What an adapter does between a model's operators, each scale with its own trained tensor. */
final class BesideProgram {
    private final WorkerPool pool;
    private final Scratch scratch;
    private final BottleneckProgram bottleneck;

    BesideProgram(WorkerPool pool, Scratch scratch) {
        this.pool = pool;
        this.scratch = scratch;
        bottleneck = new BottleneckProgram(pool, scratch);
    }

    void run(Op.Beside beside, BlockFrame frame, Variants out, int rows) {
        switch (beside) {
            case Op.Scale op -> scale(op, frame, out, rows);
            case Op.Virtual op -> putVirtual(op, frame, out);
            case Bottleneck op -> bottleneck.run(op, frame, frame.place(op.in()), out, rows);
        }
    }

    /** Multiplies columns by the tensor's elements, in place. */
    private void scale(Op.Scale op, BlockFrame frame, Variants states, int rows) {
        int width = op.width();
        Floats factors = form(frame.weights(), op.tensor());
        RowTasks.run(
                pool,
                Operator.ACTIVATION,
                frame.scales(),
                rows,
                width,
                (scale, from, to, worker) -> {
                    Floats factor = factors.at((long) scale * width);
                    for (int row = from; row < to; row++) {
                        Floats place = states.of(scale).at(row * states.rowStride() + op.column());
                        Rows.multiply(
                                factor.segment(),
                                factor.start(),
                                place.segment(),
                                place.start(),
                                width);
                    }
                });
    }

    /** Puts the tensor's rows in the place of virtual tokens' in every sequence that begins. */
    private void putVirtual(Op.Virtual op, BlockFrame frame, Variants states) {
        Floats table = form(frame.weights(), op.tensor());
        Sequences sequences = frame.batch().sequences();
        if (sequences.past() > 0) {
            return; // theirs are kept
        }
        HeadColumns columns = op.columns();
        int part = op.width() / columns.count();
        for (int scale = 0; scale < frame.scales(); scale++) {
            for (int sequence = 0; sequence < sequences.starts().length - 1; sequence++) {
                int first = sequences.starts()[sequence];
                for (int token = 0; token < op.tokens(); token++) {
                    long from = ((long) scale * op.tokens() + token) * op.width();
                    long row = (first + token) * states.rowStride() + columns.start();
                    for (int index = 0; index < columns.count(); index++) {
                        Floats in = table.at(from + (long) index * part);
                        Floats out = states.of(scale).at(row + (long) index * columns.stride());
                        Rows.copy(in.segment(), in.start(), out.segment(), out.start(), part);
                        if (op.scale() != 1f) {
                            Rows.scale(op.scale(), out.segment(), out.start(), part);
                        }
                    }
                }
            }
        }
    }

    private Floats form(FormedWeights weights, TensorSpec tensor) {
        Floats place = scratch.vector(0);
        weights.formWhole(weights.indexOf(tensor.name()), place, tensor.elements());
        return place;
    }
}
