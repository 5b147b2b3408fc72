package io.millrace.executor;

import io.millrace.executor.cpu.Rows;
import io.millrace.executor.cpu.WorkerPool;
import io.millrace.memory.TensorSlot;
import io.millrace.model.spec.EmbeddingSpec;

/** From token ids to hidden states; only the rows that are looked up are perturbed. */
final class EmbeddingProgram {
    private static final int TOKENS_PER_TASK = 16;

    private final WorkerPool pool;
    private final Scratch scratch;
    private final Linear linear;

    EmbeddingProgram(WorkerPool pool, Scratch scratch, Linear linear) {
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
        Variants tokens = spec.projection() == null ? hidden : scratch.normed(spec.width());
        int tasks = (batch.tokenCount() + TOKENS_PER_TASK - 1) / TOKENS_PER_TASK;
        TensorSlot table = weights.slot(spec.tokens());
        pool.parallelFor(
                tasks,
                (task, worker) ->
                        eachToken(
                                task,
                                batch,
                                token ->
                                        lookUp(weights, table, spec, batch.ids()[token], tokens, token, worker)));
        if (spec.projection() != null) {
            linear.run(weights, spec.projection(), tokens, hidden, batch.tokenCount(), false);
        }
        if (spec.positions() != null) {
            TensorSlot positions = weights.slot(spec.positions());
            pool.parallelFor(
                    tasks,
                    (task, worker) ->
                            eachToken(
                                    task,
                                    batch,
                                    token -> addPosition(weights, positions, spec, batch, hidden, token, worker)));
        }
    }

    private static void eachToken(int task, MicroBatch batch, java.util.function.IntConsumer body) {
        int to = Math.min(batch.tokenCount(), (task + 1) * TOKENS_PER_TASK);
        for (int token = task * TOKENS_PER_TASK; token < to; token++) {
            body.accept(token);
        }
    }

    private static void lookUp(
            FormedWeights weights,
            TensorSlot table,
            EmbeddingSpec spec,
            int id,
            Variants tokens,
            int token,
            int worker) {
        Floats first = tokens.of(0).at(token * tokens.rowStride());
        weights.formTile(table, id, id + 1, 0, spec.width(), first, tokens.stride(), worker);
        if (spec.scale() != 1f) {
            for (int scale = 0; scale < weights.scaleCount(); scale++) {
                Floats row = first.at(scale * tokens.stride());
                Rows.scale(row.segment(), row.start(), spec.width(), spec.scale());
            }
        }
    }

    private void addPosition(
            FormedWeights weights,
            TensorSlot table,
            EmbeddingSpec spec,
            MicroBatch batch,
            Variants hidden,
            int token,
            int worker) {
        int width = Math.toIntExact(table.shape().get(1));
        int row = batch.sequences().positions()[token] + spec.positionOffset();
        Floats formed = scratch.panel(worker);
        weights.formTile(table, row, row + 1, 0, width, formed, width, worker);
        for (int scale = 0; scale < weights.scaleCount(); scale++) {
            Floats from = formed.at((long) scale * width);
            Floats to = hidden.of(scale).at(token * hidden.rowStride());
            Rows.add(from.segment(), from.start(), to.segment(), to.start(), width);
        }
    }
}
