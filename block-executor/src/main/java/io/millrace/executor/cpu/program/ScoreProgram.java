package io.millrace.executor.cpu.program;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.cpu.op.Activations;
import io.millrace.executor.cpu.op.BestIds;
import io.millrace.executor.cpu.op.Choice;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.GemmTiles;
import io.millrace.executor.cpu.op.Loss;
import io.millrace.executor.cpu.op.LossSums;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RowTasks;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.Variants;
import io.millrace.memory.TensorSlot;
import io.millrace.model.program.Op;
import io.millrace.model.spec.LinearSpec;
import io.millrace.optim.estimate.Query;

/**
 * From states of the rows that are asked for to their losses, likeliest ids or logits.
 *
 * <p>Losses and choices never need all logits at once: each panel of the vocabulary gives each row
 * a partial maximum, sum of exponentials and target logit (for a choice, maximum and its column),
 * and those are joined in order of panel.
 *
 * <p>Where the matrix comes as several blocks, what is scored is kept in the rows that the residual
 * stream had, and what is known of each row until the last block has come.
 */
public final class ScoreProgram {
    private final CpuWorkers workers;
    private final Scratch scratch;
    private final LinearProgram linear;
    private final LossSums sums = new LossSums();
    private final BestIds best = new BestIds();
    private double[] losses = new double[0];

    ScoreProgram(CpuWorkers workers, Scratch scratch, LinearProgram linear) {
        this.workers = workers;
        this.scratch = scratch;
        this.linear = linear;
    }

    /**
     * How a micro-batch gets its answers.
     *
     * @param product with the matrix of the head, to be made first
     * @param then what becomes of it
     */
    public record Scoring(LinearProgram.Product product, Runnable then) {
        /** Answers. */
        public void run() {
            product.make();
            then.run();
        }
    }

    /**
     * The rows of the matrix that a visit has, for one micro-batch.
     *
     * @param frame the micro-batch in the block
     * @param matrix the product with them
     * @param firstId the id of the first
     * @param begins whether they are the first of all
     * @param ends whether they are the last
     */
    private record Part(
            BlockFrame frame, LinearSpec matrix, int firstId, boolean begins, boolean ends) {
        static Part of(BlockFrame frame, LinearSpec logits) {
            TensorSlot slot = frame.weights().slot(frame.weights().indexOf(logits.weight()));
            if (slot.panel().isEmpty()) {
                return new Part(frame, logits, 0, true, true);
            }
            int first = Math.toIntExact(slot.firstRow());
            int count = Math.toIntExact(slot.shape().getFirst());
            boolean ends = first + count == logits.outputs();
            return new Part(frame, logits.rows(count), first, first == 0, ends);
        }

        boolean isWhole() {
            return begins && ends;
        }

        int rows() {
            return frame.batch().headRows().length;
        }

        GemmTiles tiles() {
            return GemmTiles.of(MicroBatch.padded(rows()), matrix.outputs());
        }
    }

    /** Answers for one micro-batch, when they are asked for and all of the matrix has come. */
    Scoring scoring(Op.Score op, BlockFrame frame) {
        Variants x = frame.place(op.in());
        Part part = Part.of(frame, op.logits());
        if (!part.isWhole()) {
            keep(part, x, op.in().width());
        }
        BlockFrame.Answer answer = frame.answer();
        if (answer.sink().wantsLogits()) {
            Variants y = answer.sink().logits(answer.queries().first(), answer.microBatch());
            return logits(part, op, x, y);
        }
        return answer.sink().wantsChoices() ? choices(part, op, x) : losses(part, op, x);
    }

    /** Keeps what is scored for later visits, or has it where it was at the first. */
    private void keep(Part part, Variants x, int width) {
        Variants stream = part.frame().places().hidden();
        RowTasks.run(
                workers.pool(),
                Operator.EMBEDDING,
                part.frame().scales(),
                part.rows(),
                width,
                (scale, from, to, worker) -> {
                    Floats here = x.of(scale).at(from * x.rowStride());
                    Floats kept = stream.of(scale).at((long) from * width);
                    Floats in = part.begins() ? here : kept;
                    Floats out = part.begins() ? kept : here;
                    long count = (long) (to - from) * width;
                    Rows.copy(in.segment(), in.start(), out.segment(), out.start(), count);
                });
    }

    private Scoring logits(Part part, Op.Score op, Variants x, Variants all) {
        Variants y = all.column(part.firstId());
        int rows = part.rows();
        return new Scoring(
                linear.product(part.frame().weights(), part.matrix(), x, y, rows, false),
                () -> softcap(part, op, rows, y));
    }

    private void softcap(Part part, Op.Score op, int rows, Variants y) {
        if (op.softcap() != 0) {
            int width = part.matrix().outputs();
            RowTasks.run(
                    workers.pool(),
                    Operator.LOSS,
                    part.frame().scales(),
                    rows,
                    width,
                    (scale, from, to, worker) -> {
                        for (int row = from; row < to; row++) {
                            Floats one = y.of(scale).at(row * y.rowStride());
                            Activations.softcap(
                                    op.softcap(),
                                    one.segment(),
                                    one.start(),
                                    one.segment(),
                                    one.start(),
                                    width);
                        }
                    });
        }
    }

    private Scoring losses(Part part, Op.Score op, Variants x) {
        MicroBatch batch = part.frame().batch();
        int rows = part.rows();
        int panels = part.tiles().columnTiles();
        long partialsEach = Loss.partialFloats(rows, panels);
        Floats partials = scratch.partials();
        LinearProgram.Product product =
                linear.productInPanels(
                        part.frame().weights(),
                        part.matrix(),
                        x,
                        rows,
                        (scale, row, rowCount, panel, column, width, logits) -> {
                            Floats to = partials.at(scale * partialsEach);
                            int real = Math.min(rowCount, rows - row);
                            Loss.reducePanel(
                                    logits.segment(),
                                    logits.start(),
                                    width,
                                    row,
                                    real,
                                    part.firstId() + column,
                                    width,
                                    op.softcap(),
                                    batch.targets(),
                                    to.segment(),
                                    to.start(),
                                    panel,
                                    rows);
                        });
        return new Scoring(product, () -> answerLosses(part, partialsEach));
    }

    private void answerLosses(Part part, long partialsEach) {
        int rows = part.rows();
        int padded = Math.toIntExact(Loss.paddedRows(rows));
        if (losses.length < padded) {
            losses = new double[padded];
        }
        sums.reserve(keptRows(part, padded));
        Floats partials = scratch.partials();
        eachScale(
                part,
                (query, scale, which, place) -> {
                    Floats of = partials.at(which * partialsEach);
                    LossSums.Part added =
                            new LossSums.Part(
                                    of.segment(),
                                    of.start(),
                                    rows,
                                    part.tiles().columnTiles(),
                                    part.firstId(),
                                    part.matrix().outputs());
                    join(part, added, padded, place);
                    BlockFrame.Answer answer = part.frame().answer();
                    if (part.ends()) {
                        answer.sink().losses(query, scale, answer.microBatch(), losses, rows);
                    }
                });
    }

    private void join(Part part, LossSums.Part added, int padded, int place) {
        int[] targets = part.frame().batch().targets();
        workers.pool()
                .parallelFor(
                        padded / Loss.ROW_QUANTUM,
                        Operator.LOSS,
                        (task, worker) -> {
                            int from = task * Loss.ROW_QUANTUM;
                            int to = Math.min(part.rows(), from + Loss.ROW_QUANTUM);
                            if (part.begins()) {
                                sums.begin(place + from, Loss.ROW_QUANTUM);
                            }
                            sums.add(added, from, to, targets, place);
                            if (part.ends()) {
                                sums.losses(from, to, targets, place, losses);
                            }
                        });
    }

    private Scoring choices(Part part, Op.Score op, Variants x) {
        int rows = part.rows();
        long partialsEach = Loss.partialFloats(rows, part.tiles().columnTiles());
        Floats partials = scratch.partials();
        LinearProgram.Product product =
                linear.productInPanels(
                        part.frame().weights(),
                        part.matrix(),
                        x,
                        rows,
                        (scale, row, rowCount, panel, column, width, logits) -> {
                            Floats to = partials.at(scale * partialsEach);
                            Choice.reducePanel(
                                    logits.segment(),
                                    logits.start(),
                                    row,
                                    Math.min(rowCount, rows - row),
                                    width,
                                    op.softcap(),
                                    to.segment(),
                                    to.start(),
                                    panel,
                                    rows);
                        });
        return new Scoring(product, () -> answerChoices(part, partialsEach));
    }

    private void answerChoices(Part part, long partialsEach) {
        int rows = part.rows();
        GemmTiles tiles = part.tiles();
        Floats partials = scratch.partials();
        best.reserve(keptRows(part, rows));
        eachScale(
                part,
                (query, scale, which, place) -> {
                    Floats of = partials.at(which * partialsEach);
                    if (part.begins()) {
                        best.begin(place, rows);
                    }
                    best.add(
                            of.segment(),
                            of.start(),
                            rows,
                            tiles.columnTiles(),
                            tiles.columnTile(),
                            part.firstId(),
                            place);
                    if (part.ends()) {
                        BlockFrame.Answer answer = part.frame().answer();
                        int[] ids = new int[rows];
                        for (int row = 0; row < rows; row++) {
                            int id = best.id(place + row);
                            ids[row] = id == BestIds.NONE ? HeadSink.NO_CHOICE : id;
                        }
                        answer.sink().choices(query, scale, answer.microBatch(), ids, rows);
                    }
                });
    }

    private interface EachScale {
        /**
         * Takes one scale.
         *
         * @param query the pass's
         * @param scale the query's
         * @param which the group's, of all its queries'
         * @param place where what is known of its first row is kept
         */
        void accept(int query, int scale, int which, int place);
    }

    private void eachScale(Part part, EachScale each) {
        BlockFrame.Answer answer = part.frame().answer();
        int which = 0;
        int query = answer.queries().first();
        for (Query one : answer.queries().queries()) {
            for (int scale = 0; scale < one.scales().size(); scale++) {
                each.accept(query, scale, which, part.isWhole() ? 0 : place(answer, which));
                which++;
            }
            query++;
        }
    }

    /** Of every scale and row of the pass, for what waits from one visit to the next. */
    private int place(BlockFrame.Answer answer, int which) {
        return (answer.firstScale() + which) * scratch.batchRows() + answer.firstRow();
    }

    private int keptRows(Part part, int rows) {
        return part.isWhole() ? rows : scratch.scales() * scratch.batchRows();
    }
}
