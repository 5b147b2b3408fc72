package io.millrace.executor.cpu.gradient;

import io.millrace.executor.batch.Sequences;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.Bottleneck;
import io.millrace.model.program.Op;
import io.millrace.model.spec.HeadColumns;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/** The way back through what an adapter does between a model's operators. */
final class BesideBackward {
    private static final int COLUMNS = 64;

    private final WorkerPool pool;
    private final BottleneckBackward bottleneck;
    private final Floats vector;

    /**
     * A way back.
     *
     * @param bottleneck that of bottlenecks
     * @param vector room for the longest tensor of any of them
     */
    BesideBackward(WorkerPool pool, BottleneckBackward bottleneck, Floats vector) {
        this.pool = pool;
        this.bottleneck = bottleneck;
        this.vector = vector;
    }

    void run(Op.Beside beside, GradientFrame frame) {
        switch (beside) {
            case Op.Scale op -> scale(op, frame);
            case Op.Virtual op -> virtual(op, frame);
            case Bottleneck op -> bottleneck.run(op, frame);
        }
    }

    /** {@code dl += Σ rows dy ∘ x}, and {@code dx = dy ∘ l}. */
    private void scale(Op.Scale op, GradientFrame frame) {
        int rows = frame.rows(op.in());
        int width = op.width();
        Variants x = frame.value(op.in()).column(op.column());
        Variants gradient = frame.gradient(op.out()).column(op.column());
        int tensor = frame.weights().indexOf(op.tensor().name());
        frame.weights().formWhole(tensor, vector, width);
        Optional<Floats> factors = frame.gradient(op.tensor().name());
        pool.parallelFor(
                Math.ceilDiv(width, COLUMNS),
                Operator.ACTIVATION,
                (piece, _) -> {
                    int column = piece * COLUMNS;
                    int count = Math.min(COLUMNS, width - column);
                    for (int row = 0; row < rows; row++) {
                        Floats in = x.of(0).at(row * x.rowStride() + column);
                        Floats place = gradient.of(0).at(row * gradient.rowStride() + column);
                        factors.ifPresent(to -> addProducts(in, place, to.at(column), count));
                        Rows.multiply(
                                vector.segment(),
                                vector.start() + column,
                                place.segment(),
                                place.start(),
                                count);
                    }
                });
    }

    private static void addProducts(Floats a, Floats b, Floats to, int count) {
        for (int i = 0; i < count; i++) {
            set(to, i, Math.fma(get(a, i), get(b, i), get(to, i)));
        }
    }

    /** What was put in the place of virtual tokens' rows takes their gradient, and leaves none. */
    private void virtual(Op.Virtual op, GradientFrame frame) {
        Variants gradient = frame.gradient(op.out());
        Optional<Floats> table = frame.gradient(op.tensor().name());
        Sequences sequences = frame.frame().batch().sequences();
        HeadColumns columns = op.columns();
        int part = op.width() / columns.count();
        for (int sequence = 0; sequence < sequences.starts().length - 1; sequence++) {
            int first = sequences.starts()[sequence];
            for (int token = 0; token < op.tokens(); token++) {
                long row = (first + token) * gradient.rowStride() + columns.start();
                for (int index = 0; index < columns.count(); index++) {
                    long skip = (long) token * op.width() + (long) index * part;
                    Floats in = gradient.of(0).at(row + (long) index * columns.stride());
                    table.ifPresent(to ->
                            Rows.addScaled(
                                    op.scale(),
                                    in.segment(),
                                    in.start(),
                                    to.segment(),
                                    to.start() + skip,
                                    part));
                    Rows.zero(in.segment(), in.start(), part);
                }
            }
        }
    }

    private static float get(Floats place, int index) {
        return place.segment().getAtIndex(ValueLayout.JAVA_FLOAT, place.start() + index);
    }

    private static void set(Floats place, int index, float value) {
        place.segment().setAtIndex(ValueLayout.JAVA_FLOAT, place.start() + index, value);
    }
}
