package io.millrace.executor.cpu.gradient;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.SideSpec;

/** The way back through products with matrices of weights, and with thin factors beside them. */
final class LinearBackward {
    private static final int COLUMNS = 256;

    private final CpuWorkers workers;
    private final GradientProducts products;
    private final Floats factors; // both thin factors beside a matrix
    private final Floats thin; // [rows, rank], twice
    private final ThinRows thinRows;

    /**
     * A way back.
     *
     * @param factors room for the largest pair of thin factors
     * @param thin room for two products of rows with one of them
     */
    LinearBackward(CpuWorkers workers, GradientProducts products, Floats factors, Floats thin) {
        this.workers = workers;
        this.products = products;
        this.factors = factors;
        this.thin = thin;
        thinRows = new ThinRows(workers.pool());
    }

    void run(Op.Linear op, GradientFrame frame) {
        Value in = op.in();
        int rows = frame.rows(in);
        Variants all = frame.gradient(op.out());
        boolean adds = frame.tape().begin(in);
        int column = 0;
        for (LinearSpec matrix : op.matrices()) {
            run(
                    matrix,
                    frame,
                    frame.value(in),
                    frame.gradient(in),
                    all.column(column),
                    rows,
                    adds || column > 0);
            column += matrix.outputs();
        }
    }

    /**
     * One matrix.
     *
     * @param x [rows, inputs]
     * @param dx its gradient
     * @param dy [rows, outputs], the gradient of the product
     * @param adds whether to add to what is known of dx
     */
    void run(
            LinearSpec matrix,
            GradientFrame frame,
            Variants x,
            Variants dx,
            Variants dy,
            int rows,
            boolean adds) {
        Variants given = products.given(dy, matrix.outputs(), rows);
        products.back(frame.weights(), matrix, given, dx, rows, adds);
        frame.gradient(matrix.weight())
                .ifPresent(to -> products.addMatrix(matrix, x, given, rows, to));
        frame.gradient(matrix.bias()).ifPresent(to -> addColumns(dy, matrix.outputs(), rows, to));
        matrix.side().ifPresent(side -> side(matrix, side, frame, x, dx, dy, rows));
    }

    /** Adds the sums of columns, rows in order. */
    void addColumns(Variants dy, int width, int rows, Floats to) {
        workers.pool()
                .parallelFor(
                        Math.ceilDiv(width, COLUMNS),
                        Operator.ACTIVATION,
                        (piece, _) -> {
                            int from = piece * COLUMNS;
                            int count = Math.min(COLUMNS, width - from);
                            for (int row = 0; row < rows; row++) {
                                Floats in = dy.of(0).at(row * dy.rowStride() + from);
                                Rows.add(
                                        in.segment(),
                                        in.start(),
                                        to.segment(),
                                        to.start() + from,
                                        count);
                            }
                        });
    }

    /**
     * {@code y += s (x Aᵀ) Bᵀ}: first what B gets of {@code x Aᵀ}, then A and x of {@code s dy B}.
     */
    private void side(
            LinearSpec matrix,
            SideSpec side,
            GradientFrame frame,
            Variants x,
            Variants dx,
            Variants dy,
            int rows) {
        int rank = side.rank();
        long firstFloats = (long) rank * matrix.inputs();
        Floats first = form(frame, side.first(), factors);
        Floats second = form(frame, side.second(), factors.at(firstFloats));
        Variants seen = new Variants(thin, 0, rank);
        Variants asked = new Variants(thin.at((long) MicroBatch.padded(rows) * rank), 0, rank);
        thinRows.multiplyTurned(rows, rank, matrix.inputs(), 1, x, first, 0, seen);
        thinRows.multiply(rows, rank, matrix.outputs(), side.scale(), dy, second, 0, asked);
        thinRows.multiply(rows, matrix.inputs(), rank, 1, asked, first, 1, dx);
        frame.gradient(side.first())
                .ifPresent(to -> products.addOuter(asked, rank, x, matrix.inputs(), rows, to));
        frame.gradient(side.second())
                .ifPresent(to -> {
                    Rows.scale(side.scale(), thin.segment(), thin.start(), (long) rows * rank);
                    products.addOuter(dy, matrix.outputs(), seen, rank, rows, to);
                });
    }

    private Floats form(GradientFrame frame, String tensor, Floats place) {
        int index = frame.weights().indexOf(tensor);
        long elements = frame.weights().slot(index).elementCount();
        frame.weights().formWhole(index, place, elements);
        return place;
    }
}
