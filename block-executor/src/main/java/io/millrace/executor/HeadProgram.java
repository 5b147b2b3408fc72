package io.millrace.executor;

import io.millrace.executor.cpu.CpuWorkers;
import io.millrace.model.spec.HeadSpec;

/**
 * From hidden states to losses or logits, for the rows that are asked for only.
 *
 * <p>Losses never need all logits at once: each panel of the vocabulary gives each row a partial
 * maximum, sum of exponentials and target logit, and those are joined in order of panel.
 */
final class HeadProgram {
    @SuppressWarnings("unused") private final CpuWorkers workers;
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

    private Variants gather(MicroBatch batch, Variants hidden, int scales) {
        Variants x = scratch.normed((int) hidden.rowStride());
        int[] rows = batch.headRows();
        for (int scale = 0; scale < scales; scale++) {
            for (int row = 0; row < rows.length; row++) {
                for (int i = 0; i < hidden.rowStride(); i++) {
                    Interim.s(x.of(scale), row * x.rowStride() + i, Interim.g(hidden.of(scale), rows[row] * hidden.rowStride() + i));
                }
            }
        }
        return x;
    }

    private void logits(FormedWeights weights, HeadSpec spec, Variants x, int rows, Variants y) {
        linear.run(weights, spec.logits(), x, y, rows, false);
    }

    private io.millrace.memory.host.HostSlab slab;

    private void losses(FormedWeights weights, HeadSpec spec, MicroBatch batch, Variants x, int probe, int microBatch, HeadSink sink) {
        int rows = batch.headRows().length;
        int v = spec.logits().outputs();
        long per = (long) MicroBatch.padded(rows) * v;
        long need = per * weights.scaleCount() * 4;
        if (slab == null || slab.sizeBytes() < need) {
            if (slab != null) { slab.close(); }
            slab = new io.millrace.memory.host.HostMemory(io.millrace.memory.Ledger.unlimited()).allocate("x", need);
        }
        Variants y = new Variants(new Floats(slab.segment(), 0), per, v);
        logits(weights, spec, x, rows, y);
        double[] losses = new double[rows];
        for (int scale = 0; scale < weights.scaleCount(); scale++) {
            for (int row = 0; row < rows; row++) {
                double max = Double.NEGATIVE_INFINITY, sum = 0;
                for (int i = 0; i < v; i++) { max = Math.max(max, Interim.g(y.of(scale), (long) row * v + i)); }
                for (int i = 0; i < v; i++) { sum += Math.exp(Interim.g(y.of(scale), (long) row * v + i) - max); }
                losses[row] = max + Math.log(sum) - Interim.g(y.of(scale), (long) row * v + batch.targets()[row]);
            }
            sink.losses(probe, scale, microBatch, losses, rows);
        }
    }
}
