package io.millrace.memory;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * How the elements of a tensor are stored. Of a {@link DType} each is a number of its own; a {@link
 * UnitFormat} packs several into one piece; a {@link PackedFormat} spreads a matrix over several
 * arrays, such as codes and their scales. All but the first can be read and not tuned: what an
 * update changes in one element would change its neighbours, and so an element's value would depend
 * on how a tensor is cut into passes.
 *
 * <p>Another jar on the class path may bring formats as services of this type, which a file of
 * weights names as its header names a {@link DType}.
 */
public interface TensorFormat {
    /** As headers of files and messages have it, such as {@code BF16}. */
    String name();

    /** Whether weights may be stored in it at all. */
    default boolean holdsWeights() {
        return true;
    }

    /**
     * Bytes of a tensor.
     *
     * @param shape row-major extents; empty for a scalar
     * @throws ArithmeticException where they exceed 63 bits
     * @throws IllegalArgumentException where no tensor of that shape is stored so
     */
    long bytes(List<Long> shape);

    /**
     * Reads elements as float32. Any thread may call it.
     *
     * @param bytes the storage
     * @param offset byte offset of the tensor's first byte, of any alignment
     * @param first the first element, wherever it lies
     * @param values receives the elements from index {@code start}
     * @param start first index written
     * @param count how many
     * @throws IllegalArgumentException where it holds no weights
     */
    void load(MemorySegment bytes, long offset, long first, float[] values, int start, int count);
}
