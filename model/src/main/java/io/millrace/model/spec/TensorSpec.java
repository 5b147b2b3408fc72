package io.millrace.model.spec;

import java.util.List;

/**
 * A tensor that a model needs.
 *
 * @param name the checkpoint's name
 * @param shape the extents that the configuration asks for
 * @param initial what an untrained model has in it
 * @param deviation of what {@link Initial#NORMAL} draws, 0 for all else
 */
public record TensorSpec(String name, List<Long> shape, Initial initial, double deviation) {
    /** What a tensor has in it before anything was trained. */
    public enum Initial {
        /** Normal noise: matrices and tables. */
        NOISE,
        /** Zero: biases, and factors that count from 1. */
        ZERO,
        /** One: factors of norms. */
        ONE,
        /** Uniform within ± 1 / √columns: the first of an adapter's two factors, or a bias. */
        FAN_IN,
        /** Right factors of windows of low-rank directions: drawn, and no run trains them. */
        WINDOWS,
        /** Normal, with a deviation of its own: the cores of a tensor train. */
        NORMAL,
        /** Zero, and no run trains it: a buffer that its trainer sets by other means. */
        BUFFER,
        /** Rows of the embedding, of tokens that are drawn. */
        EMBEDDINGS,
        /** What the model keeps of tokens that are drawn, such as their keys. */
        ACTIVATIONS
    }

    /** Freezes the shape. */
    public TensorSpec {
        shape = List.copyOf(shape);
    }

    /** A tensor whose initial values say all. */
    public TensorSpec(String name, List<Long> shape, Initial initial) {
        this(name, shape, initial, 0);
    }

    /** Whether runs may train it. */
    public boolean isTrainable() {
        return initial != Initial.BUFFER && initial != Initial.WINDOWS;
    }

    /** How many numbers it has. */
    public long elements() {
        return shape.stream().reduce(1L, Math::multiplyExact);
    }
}
