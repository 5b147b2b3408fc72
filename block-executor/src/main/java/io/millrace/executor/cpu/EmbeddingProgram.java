package io.millrace.executor.cpu;

import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.cpu.weight.TensorForm;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.MicroBatch;
import io.millrace.executor.step.Variants;
import io.millrace.model.spec.EmbeddingSpec;

/** From token ids to hidden states; only the rows that are looked up are perturbed. */
final class EmbeddingProgram {
    private static final int TOKENS_PER_TASK = 16;

    private final WorkerPool pool;
    private final Scratch scratch;
    private final LinearProgram linear;

    EmbeddingProgram(WorkerPool pool, Scratch scratch, LinearProgram linear) {
        this.pool = pool;
        this.scratch = scratch;
        this.linear = linear;
    }

    /**
     * Writes a micro-batch's hidden states.
     *
     * @param weights the embedding block's weights as the probe wants them
     * @param spec the embedding
     * @param batch the tokens
     * @param hidden [tokens, hidden] for every scale; written
     */
    void run(FormedWeights weights, EmbeddingSpec spec, MicroBatch batch, Variants hidden) {
        Variants tokens =
                spec.projection() == null
                        ? hidden
                        : scratch.normed(spec.width(), batch.tokenCount());
        lookUp(weights, spec, batch, tokens);
        if (spec.projection() != null) {
            linear.run(weights, spec.projection(), tokens, hidden, batch.tokenCount(), false);
        }
        if (spec.positions() != null) {
            addPositions(weights, spec, batch, hidden);
        }
    }

    private void lookUp(
            FormedWeights weights, EmbeddingSpec spec, MicroBatch batch, Variants tokens) {
        int table = weights.indexOf(spec.tokens());
        TensorForm form = weights.lookUp(table);
        int width = spec.width();
        eachToken(
                batch,
                (token, worker) -> {
                    Floats row = tokens.of(0).at(token * tokens.rowStride());
                    long first = (long) batch.ids()[token] * width;
                    form.range(first, width, row, tokens.stride(), worker);
                    if (spec.scale() != 1f) {
                        for (int scale = 0; scale < weights.scaleCount(); scale++) {
                            Floats scaled = row.at(scale * tokens.stride());
                            Rows.scale(spec.scale(), scaled.segment(), scaled.start(), width);
                        }
                    }
                });
    }

    private void addPositions(
            FormedWeights weights, EmbeddingSpec spec, MicroBatch batch, Variants hidden) {
        int table = weights.indexOf(spec.positions());
        TensorForm form = weights.lookUp(table);
        int width = Math.toIntExact(weights.slot(table).shape().get(1));
        int[] positions = batch.sequences().positions();
        eachToken(
                batch,
                (token, worker) -> {
                    Floats formed = scratch.row(worker);
                    long first = (long) (positions[token] + spec.positionOffset()) * width;
                    form.range(first, width, formed, width, worker);
                    for (int scale = 0; scale < weights.scaleCount(); scale++) {
                        Floats from = formed.at((long) scale * width);
                        Floats to = hidden.of(scale).at(token * hidden.rowStride());
                        Rows.add(from.segment(), from.start(), to.segment(), to.start(), width);
                    }
                });
    }

    private void eachToken(MicroBatch batch, TokenTask body) {
        int tokens = batch.tokenCount();
        pool.parallelFor(
                (tokens + TOKENS_PER_TASK - 1) / TOKENS_PER_TASK,
                Operator.EMBEDDING,
                (task, worker) -> {
                    int to = Math.min(tokens, (task + 1) * TOKENS_PER_TASK);
                    for (int token = task * TOKENS_PER_TASK; token < to; token++) {
                        body.run(token, worker);
                    }
                });
    }

    private interface TokenTask {
        void run(int token, int worker);
    }
}
