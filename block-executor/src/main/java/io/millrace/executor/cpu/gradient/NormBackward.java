package io.millrace.executor.cpu.gradient;

import io.millrace.executor.cpu.gradient.op.NormGradient;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.Op;
import io.millrace.model.spec.NormSpec;
import java.lang.foreign.MemorySegment;

/**
 * The way back through norms: of whole rows, or of each head of a row. What rows say of factors and
 * summands is gathered for pieces of rows, and added up in their order.
 */
final class NormBackward {
    private static final int ROWS = 32;

    private final WorkerPool pool;
    private final LinearBackward columns;
    private final Floats vector; // the factors
    private final Floats partials;

    /**
     * A way back.
     *
     * @param columns adds up columns
     * @param vector room for the longest factors
     * @param partials room as {@link #partialFloats} says
     */
    NormBackward(WorkerPool pool, LinearBackward columns, Floats vector, Floats partials) {
        this.pool = pool;
        this.columns = columns;
        this.vector = vector;
        this.partials = partials;
    }

    /** Floats for what pieces of so many rows gather for vectors of at most some length. */
    static long partialFloats(long rows, long longest) {
        return 2 * Math.ceilDiv(rows, ROWS) * longest;
    }

    void run(Op.Norm op, GradientFrame frame) {
        NormSpec norm = op.norm();
        int rows = frame.rows(op.in());
        Variants x = frame.value(op.in());
        Variants dy = frame.gradient(op.out());
        Variants dx = frame.gradient(op.in());
        boolean adds = frame.tape().begin(op.in());
        Gathering gathering = new Gathering(frame, norm, 1, rows);
        pool.parallelFor(
                gathering.pieces,
                Operator.NORM,
                (piece, _) -> {
                    int row = piece * ROWS;
                    Floats in = x.of(0).at(row * x.rowStride());
                    Floats out = dy.of(0).at(row * dy.rowStride());
                    Floats to = dx.of(0).at(row * dx.rowStride());
                    int count = Math.min(ROWS, rows - row);
                    NormGradient.Factors factors = gathering.factors(piece, 0);
                    if (adds) {
                        NormGradient.add(
                                norm,
                                in.segment(),
                                in.start(),
                                x.rowStride(),
                                factors,
                                out.segment(),
                                out.start(),
                                dy.rowStride(),
                                to.segment(),
                                to.start(),
                                dx.rowStride(),
                                count);
                    } else {
                        NormGradient.write(
                                norm,
                                in.segment(),
                                in.start(),
                                x.rowStride(),
                                factors,
                                out.segment(),
                                out.start(),
                                dy.rowStride(),
                                to.segment(),
                                to.start(),
                                dx.rowStride(),
                                count);
                    }
                });
        gathering.addUp();
    }

    void run(Op.NormHeads op, GradientFrame frame) {
        NormSpec norm = op.norm();
        int rows = frame.rows(op.in());
        Variants x = frame.value(op.in()).column(op.heads().start());
        Variants dy = frame.gradient(op.out()).column(op.heads().start());
        int stride = op.heads().stride();
        int factors = op.factors();
        Gathering gathering = new Gathering(frame, norm, factors, rows);
        pool.parallelFor(
                gathering.pieces,
                Operator.NORM,
                (piece, _) -> {
                    int row = piece * ROWS;
                    Floats in = x.of(0).at(row * x.rowStride());
                    Floats out = dy.of(0).at(row * dy.rowStride());
                    for (int first = 0; first < factors; first++) {
                        NormGradient.replaceHeads(
                                norm,
                                in.segment(),
                                in.start() + (long) first * stride,
                                x.rowStride(),
                                stride,
                                gathering.factors(piece, first),
                                out.segment(),
                                out.start() + (long) first * stride,
                                dy.rowStride(),
                                stride,
                                op.heads().count() / factors,
                                Math.min(ROWS, rows - row));
                    }
                });
        gathering.addUp();
    }

    /** What pieces of rows say of a norm's vectors. */
    private final class Gathering {
        private final GradientFrame frame;
        private final NormSpec norm;
        private final int length;
        private final int pieces;
        private final boolean weighs;
        private final boolean shifts;

        Gathering(GradientFrame frame, NormSpec norm, int factors, int rows) {
            this.frame = frame;
            this.norm = norm;
            length = factors * norm.width();
            pieces = Math.ceilDiv(rows, ROWS);
            weighs = frame.gradient(norm.weight()).isPresent();
            shifts = frame.gradient(norm.bias()).isPresent();
            frame.weights().formWhole(frame.weights().indexOf(norm.weight()), vector, length);
            Rows.zero(partials.segment(), partials.start(), 2L * pieces * length);
        }

        NormGradient.Factors factors(int piece, int first) {
            long skip = (long) first * norm.width();
            MemorySegment memory = partials.segment();
            long at = partials.start() + (long) piece * length + skip;
            return new NormGradient.Factors(
                    vector.segment(),
                    vector.start() + skip,
                    weighs ? memory : null,
                    at,
                    shifts ? memory : null,
                    at + (long) pieces * length);
        }

        void addUp() {
            addUp(norm.weight(), partials);
            addUp(norm.bias(), partials.at((long) pieces * length));
        }

        private void addUp(String tensor, Floats place) {
            frame.gradient(tensor)
                    .ifPresent(to ->
                            columns.addColumns(new Variants(place, 0, length), length, pieces, to));
        }
    }
}
