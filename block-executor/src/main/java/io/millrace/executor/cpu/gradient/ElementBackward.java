package io.millrace.executor.cpu.gradient;

import io.millrace.executor.cpu.gradient.op.ActivationGradient;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RowTasks;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.LatentOp;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.LatentHeads;

/** The way back through operators that work number by number, or only move rows about. */
final class ElementBackward {
    private static final int COLUMNS = 64;

    private final WorkerPool pool;

    ElementBackward(WorkerPool pool) {
        this.pool = pool;
    }

    /** What is copied gets what its copies have; of rows that are picked only those. */
    void run(Op.Copy op, GradientFrame frame) {
        Variants dy = frame.gradient(op.out());
        Variants dx = frame.gradient(op.in());
        int width = op.in().width();
        if (!op.picks()) {
            add(dy, dx, width, frame.rows(op.in()), frame.tape().begin(op.in()));
            return;
        }
        if (!frame.tape().begin(op.in())) {
            zero(dx, width, frame.rows(op.in()));
        }
        int[] picked = frame.frame().batch().headRows();
        // A row may be picked several times.
        pool.parallelFor(
                Math.ceilDiv(width, COLUMNS),
                Operator.EMBEDDING,
                (piece, _) -> {
                    int column = piece * COLUMNS;
                    int count = Math.min(COLUMNS, width - column);
                    for (int row = 0; row < picked.length; row++) {
                        Floats in = dy.of(0).at(row * dy.rowStride() + column);
                        Floats to = dx.of(0).at(picked[row] * dx.rowStride() + column);
                        Rows.add(in.segment(), in.start(), to.segment(), to.start(), count);
                    }
                });
    }

    /** What is added gets a copy; what it is added to has the same place. */
    void run(Op.Add op, GradientFrame frame) {
        Value summand = op.summand();
        add(
                frame.gradient(op.out()),
                frame.gradient(summand),
                summand.width(),
                frame.rows(summand),
                frame.tape().begin(summand));
    }

    void run(Op.Times op, GradientFrame frame) {
        Variants gradient = frame.gradient(op.out());
        eachRow(
                frame.rows(op.out()),
                op.out().width(),
                row -> {
                    Floats place = gradient.of(0).at(row * gradient.rowStride());
                    Rows.scale(op.factor(), place.segment(), place.start(), op.out().width());
                });
    }

    void run(Op.Activate op, GradientFrame frame) {
        Variants x = frame.value(op.in());
        Variants gradient = frame.gradient(op.out());
        int width = op.out().width();
        eachRow(
                frame.rows(op.out()),
                width,
                row -> {
                    Floats in = x.of(0).at(row * x.rowStride());
                    Floats place = gradient.of(0).at(row * gradient.rowStride());
                    ActivationGradient.multiply(
                            op.activation(),
                            in.segment(),
                            in.start(),
                            place.segment(),
                            place.start(),
                            width);
                });
    }

    void run(Op.Gate op, GradientFrame frame) {
        Variants gate = frame.value(op.gate());
        Variants up = frame.value(op.up());
        Variants gradient = frame.gradient(op.out()); // and that of the gate
        Variants ofUp = frame.gradient(op.up());
        int width = op.out().width();
        begin(frame, op.up());
        eachRow(
                frame.rows(op.out()),
                width,
                row ->
                        gated(
                                op.activation(),
                                width,
                                gate.of(0).at(row * gate.rowStride()),
                                up.of(0).at(row * up.rowStride()),
                                gradient.of(0).at(row * gradient.rowStride()),
                                gradient.of(0).at(row * gradient.rowStride()),
                                ofUp.of(0).at(row * ofUp.rowStride())));
    }

    static void gated(
            Activation activation,
            int width,
            Floats gate,
            Floats up,
            Floats out,
            Floats ofGate,
            Floats ofUp) {
        ActivationGradient.gated(
                activation,
                out.segment(),
                out.start(),
                gate.segment(),
                gate.start(),
                up.segment(),
                up.start(),
                ofGate.segment(),
                ofGate.start(),
                ofUp.segment(),
                ofUp.start(),
                width);
    }

    void run(Op.GateHalves op, GradientFrame frame) {
        Variants in = frame.value(op.in());
        Variants gradient = frame.gradient(op.out());
        Variants to = frame.gradient(op.in());
        int width = op.out().width();
        begin(frame, op.in());
        eachRow(
                frame.rows(op.out()),
                width,
                row -> {
                    Floats both = in.of(0).at(row * in.rowStride());
                    Floats ofBoth = to.of(0).at(row * to.rowStride());
                    gated(
                            op.activation(),
                            width,
                            both,
                            both.at(width),
                            gradient.of(0).at(row * gradient.rowStride()),
                            ofBoth,
                            ofBoth.at(width));
                });
    }

    void run(LatentOp.Columns op, GradientFrame frame) {
        Variants dy = frame.gradient(op.out());
        Variants dx = frame.gradient(op.in());
        int rows = frame.rows(op.in());
        if (!frame.tape().begin(op.in())) {
            zero(dx, op.in().width(), rows);
        }
        add(dy, dx.column(op.start()), op.out().width(), rows, true);
    }

    void run(LatentOp.Join op, GradientFrame frame) {
        Variants dy = frame.gradient(op.out());
        Variants queries = frame.gradient(op.queries());
        Variants expanded = frame.gradient(op.expanded());
        Variants shared = frame.gradient(op.shared());
        int rows = frame.rows(op.out());
        begin(frame, op.queries());
        begin(frame, op.expanded());
        if (!frame.tape().begin(op.shared())) {
            zero(shared, op.shared().width(), rows);
        }
        LatentHeads heads = op.heads();
        int first = op.shared().width() - heads.turned();
        eachRow(
                rows,
                heads.rowWidth(),
                row ->
                        part(
                                heads,
                                dy.of(0).at(row * dy.rowStride()),
                                queries.of(0).at(row * queries.rowStride()),
                                expanded.of(0).at(row * expanded.rowStride()),
                                shared.of(0).at(row * shared.rowStride() + first)));
    }

    /** What was put beside each other goes back; what all heads shared is added up. */
    private static void part(
            LatentHeads heads, Floats row, Floats queries, Floats expanded, Floats shared) {
        int all = heads.queryWidth();
        copy(row, queries, all);
        for (int head = 0; head < heads.count(); head++) {
            Floats own = expanded.at((long) head * (heads.still() + heads.value()));
            Floats key = row.at(all + (long) head * heads.dim());
            copy(key, own, heads.still());
            Floats turned = key.at(heads.still());
            Rows.add(
                    turned.segment(),
                    turned.start(),
                    shared.segment(),
                    shared.start(),
                    heads.turned());
            copy(
                    row.at(2L * all + (long) head * heads.value()),
                    own.at(heads.still()),
                    heads.value());
        }
    }

    private static void copy(Floats from, Floats to, long count) {
        Rows.copy(from.segment(), from.start(), to.segment(), to.start(), count);
    }

    /** Begins the gradient of what one operator alone reads. */
    private static void begin(GradientFrame frame, Value value) {
        if (frame.tape().begin(value)) {
            throw new IllegalStateException(value + " is read by others, too");
        }
    }

    /** {@code to = from} or {@code to += from}. */
    void add(Variants from, Variants to, int width, int rows, boolean adds) {
        eachRow(
                rows,
                width,
                row -> {
                    Floats in = from.of(0).at(row * from.rowStride());
                    Floats out = to.of(0).at(row * to.rowStride());
                    if (adds) {
                        Rows.add(in.segment(), in.start(), out.segment(), out.start(), width);
                    } else {
                        copy(in, out, width);
                    }
                });
    }

    void zero(Variants place, int width, int rows) {
        eachRow(
                rows,
                width,
                row -> {
                    Floats to = place.of(0).at(row * place.rowStride());
                    Rows.zero(to.segment(), to.start(), width);
                });
    }

    /** What is done with one row. */
    interface EachRow {
        void run(long row);
    }

    void eachRow(int rows, long width, EachRow work) {
        RowTasks.run(
                pool,
                Operator.ACTIVATION,
                1,
                rows,
                width,
                (_, from, to, _) -> {
                    for (int row = from; row < to; row++) {
                        work.run(row);
                    }
                });
    }
}
