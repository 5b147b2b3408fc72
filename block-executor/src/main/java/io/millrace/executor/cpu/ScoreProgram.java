package io.millrace.executor.cpu;

import io.millrace.executor.cpu.op.Activations;
import io.millrace.executor.cpu.op.Choice;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.GemmTiles;
import io.millrace.executor.cpu.op.Loss;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RowTasks;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.MicroBatch;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.Op;
import io.millrace.optim.estimate.Query;

/**
 * From states of the rows that are asked for to their losses, likeliest ids or logits.
 *
 * <p>Losses and choices never need all logits at once: each panel of the vocabulary gives each row
 * a partial maximum, sum of exponentials and target logit (for a choice, maximum and its column),
 * and those are joined in order of panel.
 */
final class ScoreProgram {
    private final CpuWorkers workers;
    private final Scratch scratch;
    private final LinearProgram linear;
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
    record Scoring(LinearProgram.Product product, Runnable then) {
        /** Answers. */
        void run() {
            product.make();
            then.run();
        }
    }

    /** Answers for one micro-batch, when they are asked for. */
    Scoring scoring(Op.Score op, BlockFrame frame, int rows) {
        Variants x = frame.place(op.in());
        BlockFrame.Answer answer = frame.answer();
        if (answer.sink().wantsLogits()) {
            Variants y = answer.sink().logits(answer.queries().first(), answer.microBatch());
            return logits(frame.weights(), op, x, rows, y);
        }
        return answer.sink().wantsChoices() ? choices(frame, op, x) : losses(frame, op, x);
    }

    private Scoring logits(FormedWeights weights, Op.Score op, Variants x, int rows, Variants y) {
        return new Scoring(
                linear.product(weights, op.logits(), x, y, rows, false),
                () -> softcap(weights, op, rows, y));
    }

    private void softcap(FormedWeights weights, Op.Score op, int rows, Variants y) {
        if (op.softcap() != 0) {
            int width = op.logits().outputs();
            RowTasks.run(
                    workers.pool(),
                    Operator.LOSS,
                    weights.scaleCount(),
                    rows,
                    width,
                    (scale, from, to, worker) -> {
                        Floats row = y.of(scale).at((long) from * width);
                        Activations.softcap(
                                op.softcap(),
                                row.segment(),
                                row.start(),
                                row.segment(),
                                row.start(),
                                (long) (to - from) * width);
                    });
        }
    }

    private Scoring losses(BlockFrame frame, Op.Score op, Variants x) {
        FormedWeights weights = frame.weights();
        MicroBatch batch = frame.batch();
        int rows = batch.headRows().length;
        int panels = GemmTiles.of(MicroBatch.padded(rows), op.logits().outputs()).columnTiles();
        long partialsEach = Loss.partialFloats(rows, panels);
        Floats partials = scratch.partials();
        LinearProgram.Product product =
                linear.productInPanels(
                        weights,
                        op.logits(),
                        x,
                        rows,
                        (scale, row, rowCount, panel, firstId, width, logits) -> {
                            Floats to = partials.at(scale * partialsEach);
                            int real = Math.min(rowCount, rows - row);
                            Loss.reducePanel(
                                    logits.segment(),
                                    logits.start(),
                                    width,
                                    row,
                                    real,
                                    firstId,
                                    width,
                                    op.softcap(),
                                    batch.targets(),
                                    to.segment(),
                                    to.start(),
                                    panel,
                                    rows);
                        });
        return new Scoring(product, () -> answerLosses(frame, partialsEach, panels));
    }

    private void answerLosses(BlockFrame frame, long partialsEach, int panels) {
        MicroBatch batch = frame.batch();
        BlockFrame.Answer answer = frame.answer();
        int rows = batch.headRows().length;
        Floats partials = scratch.partials();
        int merged = 0;
        int query = answer.queries().first();
        for (Query one : answer.queries().queries()) {
            for (int scale = 0; scale < one.scales().size(); scale++) {
                merge(batch, partials.at(merged++ * partialsEach), panels);
                answer.sink().losses(query, scale, answer.microBatch(), losses, rows);
            }
            query++;
        }
    }

    private Scoring choices(BlockFrame frame, Op.Score op, Variants x) {
        FormedWeights weights = frame.weights();
        int rows = frame.batch().headRows().length;
        GemmTiles tiles = GemmTiles.of(MicroBatch.padded(rows), op.logits().outputs());
        int panels = tiles.columnTiles();
        long partialsEach = Loss.partialFloats(rows, panels);
        Floats partials = scratch.partials();
        LinearProgram.Product product =
                linear.productInPanels(
                        weights,
                        op.logits(),
                        x,
                        rows,
                        (scale, row, rowCount, panel, firstId, width, logits) -> {
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
        return new Scoring(product, () -> answerChoices(frame, partialsEach, tiles));
    }

    private void answerChoices(BlockFrame frame, long partialsEach, GemmTiles tiles) {
        BlockFrame.Answer answer = frame.answer();
        int rows = frame.batch().headRows().length;
        int panels = tiles.columnTiles();
        Floats partials = scratch.partials();
        int[] ids = new int[rows];
        int chosen = 0;
        int query = answer.queries().first();
        for (Query one : answer.queries().queries()) {
            for (int scale = 0; scale < one.scales().size(); scale++) {
                Floats of = partials.at(chosen++ * partialsEach);
                for (int row = 0; row < rows; row++) {
                    int id =
                            Choice.of(
                                    of.segment(),
                                    of.start(),
                                    row,
                                    rows,
                                    panels,
                                    tiles.columnTile());
                    ids[row] = id == Choice.NONE ? HeadSink.NO_CHOICE : id;
                }
                answer.sink().choices(query, scale, answer.microBatch(), ids, rows);
            }
            query++;
        }
    }

    private void merge(MicroBatch batch, Floats partials, int panels) {
        int rows = batch.headRows().length;
        int padded = Math.toIntExact(Loss.paddedRows(rows));
        if (losses.length < padded) {
            losses = new double[padded];
        }
        workers.pool()
                .parallelFor(
                        padded / Loss.ROW_QUANTUM,
                        Operator.LOSS,
                        (task, worker) -> {
                            int from = task * Loss.ROW_QUANTUM;
                            Loss.merge(
                                    partials.segment(),
                                    partials.start(),
                                    from,
                                    Math.min(rows, from + Loss.ROW_QUANTUM),
                                    rows,
                                    panels,
                                    batch.targets(),
                                    losses);
                        });
    }
}
