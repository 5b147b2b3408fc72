package io.millrace.model;

import java.util.List;

/**
 * A tensor that a decoder needs.
 *
 * @param name the checkpoint's name
 * @param shape the extents that the configuration asks for
 * @param initial what an untrained model has in it
 */
public record SpecTensor(String name, List<Long> shape, Initial initial) {
    /** What an untrained model has in a tensor. */
    public enum Initial {
        /** Normal noise: matrices and tables. */
        NOISE,
        /** Zero: biases, and factors that count from 1. */
        ZERO,
        /** One: factors of norms. */
        ONE
    }

    /** Freezes the shape. */
    public SpecTensor {
        shape = List.copyOf(shape);
    }
}
