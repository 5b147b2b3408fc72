package io.millrace.executor;

import io.millrace.executor.cpu.CpuWorkers;
import io.millrace.executor.cpu.GemmTiles;
import io.millrace.executor.cpu.Loss;
import io.millrace.executor.cpu.Rows;
import io.millrace.model.spec.HeadSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.optim.PassPlan;

/**
 * From hidden states to losses or logits, for the rows that are asked for only.
 *
 * <p>Losses never need all logits at once: each panel of the vocabulary gives each row a partial
 * maximum, sum of exponentials and target logit, and those are joined in order of panel.
 */
final class HeadProgram {
    private final CpuWorkers workers;
    private final Scratch scratch;
    private final PerturbedLinear linear;
    private final Normalizer normalizer;

    HeadProgram(
            CpuWorkers workers, Scratch scratch, PerturbedLinear linear, Normalizer normalizer) {
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
            Variants projected = scratch.context(spec.projection().outputs());
            linear.run(weights, spec.projection(), x, projected, rows, false);
            x = projected;
        }
        if (sink.wantsLogits()) {
            logits(weights, spec, x, rows, sink.logits(probe, microBatch));
        } else {
            losses(weights, spec, batch, x, probe, microBatch, sink);
        }
    }
}
