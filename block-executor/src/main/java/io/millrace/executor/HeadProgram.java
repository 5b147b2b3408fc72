package io.millrace.executor;

import io.millrace.executor.cpu.GemmTiles;
import io.millrace.executor.cpu.Loss;
import io.millrace.executor.cpu.Rows;
import io.millrace.executor.cpu.Sgemm;
import io.millrace.executor.cpu.WorkerPool;
import io.millrace.memory.TensorSlot;
import io.millrace.model.spec.DecoderSpec;
import io.millrace.model.spec.HeadSpec;
import io.millrace.model.spec.LinearSpec;

/**
 * From hidden states to losses or logits, for the rows that are asked for only.
 *
 * <p>Losses never need all logits at once: a panel of the vocabulary at a time gives each row a
 * partial maximum, sum of exponentials and target logit, and those are joined in order of panel.
 */
final class HeadProgram {
    private final WorkerPool pool;
    private final Scratch scratch;
    private final Linear linear;
    private final Normalizer normalizer;

    HeadProgram(WorkerPool pool, Scratch scratch, Linear linear, Normalizer normalizer) {
        this.pool = pool;
        this.scratch = scratch;
        this.linear = linear;
        this.normalizer = normalizer;
    }
}
