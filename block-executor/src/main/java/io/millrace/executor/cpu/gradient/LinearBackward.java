package io.millrace.executor.cpu.gradient;

import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.Sgemm;
import io.millrace.executor.step.Floats;
import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.SideSpec;

/** The way back through products with matrices of weights, and with thin factors beside them. */
final class LinearBackward {
    private static final int COLUMNS = 256;
    private static final int ROWS = 64;

    private final CpuWorkers workers;
    private final GradientProducts products;
    private final Floats factors; // both thin factors beside a matrix
    private final Floats thin; // [rows, rank], twice

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
        products.back(frame.weights(), matrix, dy, dx, rows, adds);
        frame.gradient(matrix.weight()).ifPresent(to -> addMatrix(matrix, x, dy, rows, to));
        frame.gradient(matrix.bias()).ifPresent(to -> addColumns(dy, matrix.outputs(), rows, to));
        matrix.side().ifPresent(side -> side(matrix, side, frame, x, dx, dy, rows));
    }

    /** Adds to the gradient of a matrix, in the shape that it is stored in. */
    void addMatrix(LinearSpec matrix, Variants x, Variants dy, int rows, Floats to) {
        if (matrix.inputMajor()) {
            products.addOuter(x, matrix.inputs(), dy, matrix.outputs(), rows, to);
        } else {
            products.addOuter(dy, matrix.outputs(), x, matrix.inputs(), rows, to);
        }
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

    /** {@code y += s (x Aᵀ) Bᵀ}: first what B gets of {@code x Aᵀ}, then A and x of {@code s dy B}. */
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
        eachRows(
                rows,
                (row, count) -> {
                    // [rows, inputs] times A [rank, inputs] turned, and [rows, outputs] times B.
                    sgemm(true, count, rank, matrix.inputs(), 1, x, row, first, matrix.inputs(), 0, seen);
                    sgemm(false, count, rank, matrix.outputs(), side.scale(), dy, row, second, rank, 0, asked);
                    sgemm(false, count, matrix.inputs(), rank, 1, asked, row, first, matrix.inputs(), 1, dx);
                });
        frame.gradient(side.first())
                .ifPresent(to -> products.addOuter(asked, rank, x, matrix.inputs(), rows, to));
        frame.gradient(side.second())
                .ifPresent(to -> {
                    scale(seen, rank, rows, side.scale());
                    products.addOuter(dy, matrix.outputs(), seen, rank, rows, to);
                });
    }

    private Floats form(GradientFrame frame, String tensor, Floats place) {
        int index = frame.weights().indexOf(tensor);
        long elements = frame.weights().slot(index).elementCount();
        frame.weights().formWhole(index, place, elements);
        return place;
    }

    private interface SomeRows {
        void run(int row, int count);
    }

    private void eachRows(int rows, SomeRows work) {
        workers.pool()
                .parallelFor(
                        Math.ceilDiv(rows, ROWS),
                        Operator.LOW_RANK,
                        (piece, _) ->
                                work.run(piece * ROWS, Math.min(ROWS, rows - piece * ROWS)));
    }

    private void scale(Variants matrix, int width, int rows, float factor) {
        eachRows(
                rows,
                (row, count) -> {
                    Floats place = matrix.of(0).at(row * matrix.rowStride());
                    Rows.scale(factor, place.segment(), place.start(), (long) count * width);
                });
    }

    /** {@code y = alpha x op(w) + beta y} for some rows. */
    private static void sgemm(
            boolean turned,
            int rows,
            int n,
            int k,
            float alpha,
            Variants x,
            int row,
            Floats w,
            long ldw,
            float beta,
            Variants y) {
        Floats in = x.of(0).at(row * x.rowStride());
        Floats out = y.of(0).at(row * y.rowStride());
        Sgemm.sgemm(
                false,
                turned,
                rows,
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
    }
}
