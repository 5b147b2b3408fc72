package io.millrace.executor.cpu;

import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.cpu.weight.TensorForm;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.MicroBatch;
import io.millrace.executor.step.Variants;
import io.millrace.memory.TensorSlot;
import io.millrace.model.program.Op;

/** Looks rows of a table up, those that a block has; only those are perturbed. */
final class LookupProgram {
    private static final int TOKENS_PER_TASK = 16;

    private final WorkerPool pool;
    private final Scratch scratch;

    LookupProgram(WorkerPool pool, Scratch scratch) {
        this.pool = pool;
        this.scratch = scratch;
    }

    /**
     * Looks a row up for each token.
     *
     * @param weights the block's weights as the query wants them
     * @param op the table, and what chooses the rows
     * @param batch the tokens
     * @param out [tokens, width] for every scale
     * @param adds whether to add to what is there
     */
    void run(FormedWeights weights, Op.Lookup op, MicroBatch batch, Variants out, boolean adds) {
        int table = weights.indexOf(op.table().name());
        TensorForm form = weights.lookUp(table);
        TensorSlot slot = weights.slot(table);
        int width = op.table().width();
        int[] rows = batch.indices(op.index(), op.offset());
        eachToken(
                batch,
                (token, worker) -> {
                    long row = rows[token] + op.offset() - slot.firstRow();
                    if (slot.panel().isPresent() && (row < 0 || row >= slot.shape().getFirst())) {
                        return; // another panel has it
                    }
                    Floats place = out.of(0).at(token * out.rowStride());
                    // What is to be added is formed by itself first.
                    Floats formed = adds ? scratch.row(worker) : place;
                    long stride = adds ? width : out.stride();
                    form.range(row * width, width, formed, stride, worker);
                    for (int scale = 0; scale < weights.scaleCount(); scale++) {
                        Floats one = formed.at(scale * stride);
                        if (op.scale() != 1f) {
                            Rows.scale(op.scale(), one.segment(), one.start(), width);
                        }
                        if (adds) {
                            Floats to = place.at(scale * out.stride());
                            Rows.add(one.segment(), one.start(), to.segment(), to.start(), width);
                        }
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
