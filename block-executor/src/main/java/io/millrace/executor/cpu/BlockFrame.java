package io.millrace.executor.cpu;

import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.MicroBatch;
import io.millrace.executor.step.QueryGroup;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.Value;
import java.util.Optional;

/**
 * One pass of a micro-batch through a block, for every scale of some queries: where its values lie.
 *
 * @param block place of the block's visit in a step
 * @param weights the block's weights as the queries want them
 * @param batch the tokens, which of them belong together, and which rows count
 * @param hidden the residual stream, [tokens, hidden] for every scale
 * @param held what waits for experts, if anything does
 * @param scratch where other values lie
 * @param answer who takes losses or logits
 */
record BlockFrame(
        int block,
        FormedWeights weights,
        MicroBatch batch,
        Variants hidden,
        Optional<Variants> held,
        Scratch scratch,
        Answer answer) {
    /**
     * Where answers of the micro-batch go.
     *
     * @param sink takes them
     * @param queries whose answers they are
     * @param microBatch the micro-batch's
     * @param firstScale the first of their scales, of all that the pass has
     * @param firstRow the micro-batch's first row, of all that the pass has
     */
    record Answer(
            HeadSink sink, QueryGroup queries, int microBatch, int firstScale, int firstRow) {}

    int scales() {
        return weights.scaleCount();
    }

    int rows(Value.Rows rows) {
        return switch (rows) {
            case ALL -> batch.tokenCount();
            case HEAD -> batch.headRows().length;
        };
    }

    /** [rows, width] of a value for every scale. */
    Variants place(Value value) {
        return switch (value.memory()) {
            case STREAM -> hidden;
            case HELD -> held.orElseThrow().column(scratch.heldColumn(block, value));
            case KEPT -> scratch.kept(block, batch.sequences().past());
            case STATES -> scratch.states(block, value, rows(value.rows()));
        };
    }

    /** [rows, width] of a value that has fewer rows than there are tokens, for every scale. */
    Variants states(Value value, int rows) {
        return scratch.states(block, value, rows);
    }
}
