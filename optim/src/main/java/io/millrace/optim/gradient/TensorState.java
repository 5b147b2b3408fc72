package io.millrace.optim.gradient;

import io.millrace.memory.DType;
import java.util.List;

/**
 * Numbers that a first-order rule keeps for a trained tensor; zero before its first turn. They lie
 * beside the tensor in its block, and move with it.
 *
 * @param name such as {@code m}
 * @param dtype how they are stored: F32 or BF16; or U8, whole numbers from 0 to 255, which steps
 *     see as such in float32
 * @param extent how many there are
 */
public record TensorState(String name, DType dtype, Extent extent) {
    /** One for each element of the tensor, which tiles then have their part of. */
    public static final Extent ELEMENTS = shape -> shape.stream().reduce(1L, Math::multiplyExact);

    /** How many numbers there are for a tensor. */
    @FunctionalInterface
    public interface Extent {
        /**
         * The count.
         *
         * @param shape row-major extents of the tensor
         * @return 0 where it has none
         */
        long of(List<Long> shape);
    }

    /** One for each element. */
    public TensorState(String name, DType dtype) {
        this(name, dtype, ELEMENTS);
    }

    /** Whether there is one for each element. */
    public boolean isOfElements() {
        return extent.equals(ELEMENTS);
    }
}
