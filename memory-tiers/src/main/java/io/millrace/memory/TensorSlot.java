package io.millrace.memory;

import java.util.List;

/**
 * One tensor's place in a block.
 *
 * @param name the checkpoint's name
 * @param tensorId its index among the names that are trained, sorted bytewise: the perturbation's
 *     second coordinate; {@link #FROZEN} where a run leaves the tensor as it is
 * @param format how its elements are stored; a {@link DType} where it is trained
 * @param shape row-major extents
 * @param offsetBytes from the start of the block; a multiple of {@link BlockLayout#ALIGNMENT}
 */
public record TensorSlot(
        String name, int tensorId, TensorFormat format, List<Long> shape, long offsetBytes) {

    /** The id of a tensor that is not trained. */
    public static final int FROZEN = -1;

    /** Freezes the shape, and checks that what is trained can be stored. */
    public TensorSlot {
        shape = List.copyOf(shape);
        if (tensorId != FROZEN && !(format instanceof DType)) {
            throw new IllegalArgumentException(name + " of " + format.name() + " is trained");
        }
    }

    /** Number of elements. */
    public long elementCount() {
        return shape.stream().reduce(1L, Math::multiplyExact);
    }

    /** Bytes of all elements. */
    public long sizeBytes() {
        return format.bytes(shape);
    }

    /** Whether it is a plain array of numbers, as all are that a run may train. */
    public boolean isPlain() {
        return format instanceof DType;
    }

    /** The numbers of a plain array; an IllegalStateException of another format. */
    public DType dtype() {
        if (format instanceof DType dtype) {
            return dtype;
        }
        throw new IllegalStateException(name + " of " + format.name() + " is no plain array");
    }

    /** Whether a run may change it. */
    public boolean isTrained() {
        return tensorId != FROZEN;
    }

    /** The same with another id. */
    public TensorSlot withTensorId(int id) {
        return new TensorSlot(name, id, format, shape, offsetBytes);
    }

    /** Whether weight decay spares it: vectors are biases and norms. */
    public boolean isVector() {
        return shape.size() < 2;
    }
}
