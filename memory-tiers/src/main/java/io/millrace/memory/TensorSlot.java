package io.millrace.memory;

import java.util.List;

/**
 * One tensor's place in a block.
 *
 * @param name the checkpoint's name
 * @param tensorId its index among the names that are trained, sorted bytewise: the perturbation's
 *     second coordinate; {@link #FROZEN} where a run leaves the tensor as it is
 * @param dtype how its elements are stored
 * @param shape row-major extents
 * @param offsetBytes from the start of the block; a multiple of {@link BlockLayout#ALIGNMENT}
 */
public record TensorSlot(
        String name, int tensorId, DType dtype, List<Long> shape, long offsetBytes) {

    /** The id of a tensor that is not trained. */
    public static final int FROZEN = -1;

    /** Freezes the shape. */
    public TensorSlot {
        shape = List.copyOf(shape);
    }

    /** Number of elements. */
    public long elementCount() {
        return shape.stream().reduce(1L, Math::multiplyExact);
    }

    /** Bytes of all elements. */
    public long sizeBytes() {
        return elementCount() * dtype.sizeBytes();
    }

    /** Whether a run may change it. */
    public boolean isTrained() {
        return tensorId != FROZEN;
    }

    /** The same with another id. */
    public TensorSlot withTensorId(int id) {
        return new TensorSlot(name, id, dtype, shape, offsetBytes);
    }

    /** Whether weight decay spares it: vectors are biases and norms. */
    public boolean isVector() {
        return shape.size() < 2;
    }
}
