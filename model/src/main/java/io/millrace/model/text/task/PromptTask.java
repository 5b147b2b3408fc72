package io.millrace.model.text.task;

import io.millrace.model.text.row.DataLine;

/** A task of a model that goes on with a text. */
public non-sealed interface PromptTask extends Task {
    /** Tokens of every sequence in the paper. */
    int MOST_TOKENS = 2048;

    /** Tokens of a generated answer in the paper. */
    int ANSWER_TOKENS = 50;

    /** What a row asks, and its right answer. */
    Prompted of(DataLine row);

    /**
     * Whether it is tuned on the cross-entropy of the right candidate among all; if not, on that of
     * the right text's tokens.
     */
    default boolean classifies() {
        return true;
    }

    /** Whether answers are written by the model, and not chosen. */
    default boolean generates() {
        return false;
    }

    /** Rows of the training part that are held out. */
    default int heldOut() {
        return 500;
    }

    @Override
    default int seqLen() {
        return MOST_TOKENS;
    }

    @Override
    default TaskMetric metric() {
        return generates() ? TaskMetric.F1 : TaskMetric.ACCURACY;
    }
}
