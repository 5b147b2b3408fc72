package io.millrace.executor.cpu.gradient;

import io.millrace.executor.cpu.program.BlockFrame;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.Value;
import java.util.Optional;

/**
 * A micro-batch on its way back through a block.
 *
 * @param frame where the block's values lie, as they were on the way there
 * @param tape the same values, and their gradients
 * @param gradients of the block's trained tensors
 */
record GradientFrame(BlockFrame frame, Tape tape, BlockGradients gradients) {
    FormedWeights weights() {
        return frame.weights();
    }

    /** How many rows a value has. */
    int rows(Value value) {
        return frame.rows(value.rows());
    }

    /** [rows, width] of a value. */
    Variants value(Value value) {
        return frame.place(value);
    }

    /** [rows, width] of its gradient. */
    Variants gradient(Value value) {
        return tape.gradient(value, rows(value));
    }

    /** Whether anything is known of the gradient of a value: else it counts for nothing. */
    boolean isKnown(Value value) {
        return tape.isBegun(value);
    }

    /** The gradient of a trained tensor. */
    Optional<Floats> gradient(String tensor) {
        return gradients.of(tensor);
    }
}
