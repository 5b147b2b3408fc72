package io.millrace.memory;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * How the elements of a tensor are stored: in units, each of so many consecutive elements in so
 * many bytes. Of a {@link DType} a unit is one element. Others pack more into one, such as 32 small
 * integers behind their scale; a row then is whole units. They can be read and not tuned: what an
 * update changes in one element would change its neighbours, and so an element's value would depend
 * on how a tensor is cut into passes.
 *
 * <p>Another jar on the class path may bring formats as services of this type. A file of weights
 * names them as its header names a {@link DType}.
 */
public interface TensorFormat {
    /** As headers of files have it, such as {@code BF16}. */
    String name();

    /** Elements of a unit. */
    int unitElements();

    /** Bytes of a unit. */
    int unitBytes();

    /** Whether weights may be stored in it at all. */
    default boolean holdsWeights() {
        return true;
    }

    /**
     * Reads elements as float32. Any thread may call it.
     *
     * @param bytes the storage
     * @param offset byte offset of the tensor's first unit, of any alignment
     * @param first the first element, in the middle of a unit too
     * @param values receives the elements from index {@code start}
     * @param start first index written
     * @param count how many
     * @throws IllegalArgumentException where it holds no weights
     */
    void load(MemorySegment bytes, long offset, long first, float[] values, int start, int count);

    /**
     * Bytes of a tensor.
     *
     * @param shape row-major extents; empty for a scalar
     * @throws ArithmeticException where they exceed 63 bits
     * @throws IllegalArgumentException where a row is not of whole units
     */
    default long bytes(List<Long> shape) {
        // A zero extent makes the product zero, yet the others must not overflow unnoticed.
        long units = 1;
        boolean empty = false;
        for (int axis = 0; axis < shape.size(); axis++) {
            long extent = shape.get(axis);
            if (axis == shape.size() - 1) {
                extent = unitsOfRow(extent);
            }
            empty |= extent == 0;
            units = Math.multiplyExact(units, Math.max(extent, 1));
        }
        if (shape.isEmpty()) {
            unitsOfRow(1);
        }
        long bytes = Math.multiplyExact(units, (long) unitBytes());
        return empty ? 0 : bytes;
    }

    private long unitsOfRow(long elements) {
        if (elements % unitElements() != 0) {
            throw new IllegalArgumentException(
                    "rows of " + elements + " elements, and a unit has " + unitElements());
        }
        return elements / unitElements();
    }
}
