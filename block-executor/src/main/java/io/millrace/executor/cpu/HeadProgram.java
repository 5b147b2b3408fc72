package io.millrace.executor.cpu;

import io.millrace.executor.cpu.op.Activations;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.GemmTiles;
import io.millrace.executor.cpu.op.Loss;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RowTasks;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.MicroBatch;
import io.millrace.executor.step.Variants;
import io.millrace.model.spec.HeadSpec;

/**
 * From hidden states to losses or logits, for the rows that are asked for only.
 *
 * <p>Losses never need all logits at once: each panel of the vocabulary gives each row a partial
 * maximum, sum of exponentials and target logit, and those are joined in order of panel.
 */
final class HeadProgram {
    private final CpuWorkers workers;
    private final Scratch scratch;
    private final LinearProgram linear;
    private final Normalizer normalizer;
    private double[] losses = new double[0];

    HeadProgram(CpuWorkers workers, Scratch scratch, LinearProgram linear, Normalizer normalizer) {
        this.workers = workers;
        this.scratch = scratch;
        this.linear = linear;
        this.normalizer = normalizer;
    }

    /**
     * Answers for one micro-batch.
     *
     * @param weights the head block's weights as the probe wants them
     * @param spec the head
     * @param batch says which rows count, and what they should predict
     * @param hidden [tokens, hidden] for every scale
     * @param probe the probe's index, for the sink
     * @param microBatch the micro-batch's index, for the sink
     * @param sink takes the answers
     */
    void run(
            FormedWeights weights,
            HeadSpec spec,
            MicroBatch batch,
            Variants hidden,
            int probe,
            int microBatch,
            HeadSink sink) {
        int rows = batch.headRows().length;
        if (rows == 0) {
            return;
        }
        Variants x = gather(batch, hidden, weights.scaleCount());
        if (spec.norm() != null) {
            normalizer.run(weights, spec.norm(), x, x, rows);
        }
        if (spec.projection() != null) {
            Variants projected = scratch.context(spec.projection().outputs(), rows);
            linear.run(weights, spec.projection(), x, projected, rows, false);
            x = projected;
        }
        if (sink.wantsLogits()) {
            logits(weights, spec, x, rows, sink.logits(probe, microBatch));
        } else {
            losses(weights, spec, batch, x, probe, microBatch, sink);
        }
    }

    /** The rows that count, one after another, so that all further work is on them alone. */
    private Variants gather(MicroBatch batch, Variants hidden, int scales) {
        int[] rows = batch.headRows();
        int width = Math.toIntExact(hidden.rowStride());
        Variants x = scratch.normed(width, rows.length);
        RowTasks.run(
                workers.pool(),
                Operator.EMBEDDING,
                scales,
                rows.length,
                width,
                (scale, from, to, worker) -> {
                    for (int row = from; row < to; row++) {
                        Floats in = hidden.of(scale).at((long) rows[row] * width);
                        Floats out = x.of(scale).at((long) row * width);
                        Rows.copy(in.segment(), in.start(), out.segment(), out.start(), width);
                    }
                });
        return x;
    }

    private void logits(FormedWeights weights, HeadSpec spec, Variants x, int rows, Variants y) {
        linear.run(weights, spec.logits(), x, y, rows, false);
        if (spec.softcap() != 0) {
            int width = spec.logits().outputs();
            RowTasks.run(
                    workers.pool(),
                    Operator.LOSS,
                    weights.scaleCount(),
                    rows,
                    width,
                    (scale, from, to, worker) -> {
                        Floats row = y.of(scale).at((long) from * width);
                        Activations.softcap(
                                spec.softcap(),
                                row.segment(),
                                row.start(),
                                row.segment(),
                                row.start(),
                                (long) (to - from) * width);
                    });
        }
    }

    private void losses(
            FormedWeights weights,
            HeadSpec spec,
            MicroBatch batch,
            Variants x,
            int probe,
            int microBatch,
            HeadSink sink) {
        int rows = batch.headRows().length;
        int panels = GemmTiles.of(MicroBatch.padded(rows), spec.logits().outputs()).columnTiles();
        long partialsEach = Loss.partialFloats(rows, panels);
        Floats partials = scratch.partials();
        linear.runInPanels(
                weights,
                spec.logits(),
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
                            spec.softcap(),
                            batch.targets(),
                            to.segment(),
                            to.start(),
                            panel,
                            rows);
                });
        for (int scale = 0; scale < weights.scaleCount(); scale++) {
            merge(batch, partials.at(scale * partialsEach), panels);
            sink.losses(probe, scale, microBatch, losses, rows);
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
