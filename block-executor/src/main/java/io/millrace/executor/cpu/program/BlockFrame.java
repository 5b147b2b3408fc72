package io.millrace.executor.cpu.program;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.QueryGroup;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.Value;

/**
 * One pass of a micro-batch through a block, for every scale of some queries.
 *
 * @param block place of the block's visit in a step
 * @param weights the block's weights as the queries want them
 * @param batch the tokens, which of them belong together, and which rows count
 * @param places where its values lie
 * @param answer who takes losses or logits
 */
public record BlockFrame(
        int block, FormedWeights weights, MicroBatch batch, Places places, Answer answer) {
    /** Where the values of a block lie. */
    public interface Places {
        /** [rows, width] of a value for every scale. */
        Variants of(Value value, int rows);

        /** The residual stream, [tokens, hidden] for every scale. */
        Variants hidden();

        /** Rows of what the embedding makes of a table. */
        int carriedRows();
    }

    /**
     * Where answers of the micro-batch go.
     *
     * @param sink takes them
     * @param queries whose answers they are
     * @param microBatch the micro-batch's
     * @param firstScale the first of their scales, of all that the pass has
     * @param firstRow the micro-batch's first row, of all that the pass has
     */
    public record Answer(
            HeadSink sink, QueryGroup queries, int microBatch, int firstScale, int firstRow) {}

    int scales() {
        return weights.scaleCount();
    }

    /** How many tokens have a row of a kind. */
    public int rows(Value.Rows rows) {
        return switch (rows) {
            case ALL -> batch.tokenCount();
            case HEAD -> batch.headRows().length;
            case TABLE -> places.carriedRows();
        };
    }

    /** [rows, width] of a value for every scale. */
    public Variants place(Value value) {
        return places.of(value, rows(value.rows()));
    }

    /** [rows, width] of a value that has fewer rows than there are tokens, for every scale. */
    Variants states(Value value, int rows) {
        return places.of(value, rows);
    }
}
