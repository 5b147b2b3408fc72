package io.millrace.executor.cpu.gradient;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.cpu.gradient.op.LossGradient;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RowTasks;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.Op;
import io.millrace.model.spec.LinearSpec;

/**
 * Losses of scored rows, and the way back from them: a few rows' logits at a time, which their
 * gradients take the place of.
 */
final class ScoreBackward {
    // So many rows' products with the matrix are still worth reading it for.
    private static final long MOST_FLOATS = 1L << 24;
    private static final int LEAST_ROWS = 64;

    private final CpuWorkers workers;
    private final LinearProgram forward;
    private final LinearBackward back;
    private final Floats logits;
    private double[] losses = new double[0];
    private double sum;

    /**
     * A way back.
     *
     * @param forward products with the matrix
     * @param back their way back
     * @param logits room as {@link #logitFloats} says
     */
    ScoreBackward(CpuWorkers workers, LinearProgram forward, LinearBackward back, Floats logits) {
        this.workers = workers;
        this.forward = forward;
        this.back = back;
        this.logits = logits;
    }

    /** Floats of the logits that are there at once. */
    static long logitFloats(int ids, int rows) {
        return (long) rowsAtOnce(ids, rows) * ids;
    }

    /** How many rows' logits are there at once, of so many. */
    static int rowsAtOnce(int ids, int rows) {
        long most = Math.max(LEAST_ROWS, MOST_FLOATS / ids / LEAST_ROWS * LEAST_ROWS);
        return (int) Math.min(most, MicroBatch.padded(rows));
    }

    /** Forgets the losses of the step before. */
    void begin() {
        sum = 0;
    }

    /** The losses of all rows so far, added up in their order. */
    double sum() {
        return sum;
    }

    void run(Op.Score op, GradientFrame frame, double weight) {
        LinearSpec spec = op.logits();
        MicroBatch batch = frame.frame().batch();
        int rows = batch.headRows().length;
        int ids = spec.outputs();
        int atOnce = rowsAtOnce(ids, rows);
        Variants x = frame.value(op.in());
        Variants dx = frame.gradient(op.in());
        boolean adds = frame.tape().begin(op.in());
        losses = losses.length < rows ? new double[rows] : losses;
        Variants made = new Variants(logits, 0, ids);
        for (int first = 0; first < rows; first += atOnce) {
            int from = first;
            int count = Math.min(atOnce, rows - from);
            Variants in = rowsFrom(x, from);
            forward.run(frame.weights(), spec, in, made, count, false);
            RowTasks.run(
                    workers.pool(),
                    Operator.LOSS,
                    1,
                    count,
                    ids,
                    (_, row, to, _) ->
                            LossGradient.replace(
                                    logits.segment(),
                                    logits.start() + (long) row * ids,
                                    ids,
                                    to - row,
                                    ids,
                                    op.softcap(),
                                    (float) weight,
                                    batch.targets(),
                                    from + row,
                                    losses));
            back.run(spec, frame, in, rowsFrom(dx, from), made, count, adds);
        }
        for (int row = 0; row < rows; row++) {
            sum += losses[row];
        }
    }

    private static Variants rowsFrom(Variants matrix, int row) {
        return new Variants(
                matrix.of(0).at(row * matrix.rowStride()), matrix.stride(), matrix.rowStride());
    }
}
