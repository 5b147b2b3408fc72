package io.millrace.optim.update;

/** A number of each tensor's own that a program multiplies by: a pure function. */
@FunctionalInterface
public interface TensorFactor {
    /**
     * The number of a tensor.
     *
     * @param tensorId its index among the sorted trainable names
     */
    float of(int tensorId);
}
