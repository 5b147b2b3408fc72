package io.millrace.executor.cpu.param;

import io.millrace.memory.DType;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A trainable tensor where it lies, or a part of its rows.
 *
 * @param bytes the memory that holds it, such as a block's slot
 * @param offset byte offset of element 0 in it
 * @param dtype F32, F16 or BF16
 * @param tensorId its index among the sorted trainable names
 * @param elements how many lie here
 * @param vector whether it has fewer than two axes; weight decay passes over it
 * @param states what an update rule keeps beside each element, in the rule's order
 * @param firstElement which element of the tensor lies here first: what is drawn for each element
 *     counts from the tensor's own
 * @param allElements how many the tensor has
 */
public record StoredTensor(
        MemorySegment bytes,
        long offset,
        DType dtype,
        int tensorId,
        long elements,
        boolean vector,
        List<StoredState> states,
        long firstElement,
        long allElements) {
    /** A whole tensor. */
    public StoredTensor(
            MemorySegment bytes,
            long offset,
            DType dtype,
            int tensorId,
            long elements,
            boolean vector,
            List<StoredState> states) {
        this(bytes, offset, dtype, tensorId, elements, vector, states, 0, elements);
    }

    /** A tensor without states. */
    public StoredTensor(
            MemorySegment bytes,
            long offset,
            DType dtype,
            int tensorId,
            long elements,
            boolean vector) {
        this(bytes, offset, dtype, tensorId, elements, vector, List.of());
    }

    /** Checks that the tensor lies inside its memory and can be tuned. */
    public StoredTensor {
        states = List.copyOf(states);
        if (!dtype.isTrainable()) {
            throw new IllegalArgumentException("a tensor of " + dtype + " cannot be tuned");
        }
        if (offset < 0
                || elements < 0
                || elements > (bytes.byteSize() - offset) / dtype.sizeBytes()) {
            throw new IllegalArgumentException(
                    elements + " elements of " + dtype + " at byte " + offset + " of " + bytes);
        }
    }
}
