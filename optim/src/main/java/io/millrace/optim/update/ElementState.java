package io.millrace.optim.update;

import io.millrace.memory.DType;

/**
 * A number that a rule keeps for every element of a trained tensor; zero before the first step. It
 * lies beside the tensor in its block, moves with it, and is rounded to its type when the block's
 * parameters are.
 *
 * @param name such as {@code m}
 * @param dtype F32 or BF16
 */
public record ElementState(String name, DType dtype) {
    /** Checks the type. */
    public ElementState {
        if (dtype != DType.F32 && dtype != DType.BF16) {
            throw new IllegalArgumentException("a state of " + dtype);
        }
    }
}
