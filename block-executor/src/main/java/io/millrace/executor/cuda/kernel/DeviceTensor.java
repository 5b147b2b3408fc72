package io.millrace.executor.cuda.kernel;

import io.millrace.memory.DType;
import io.millrace.memory.TensorFormat;
import java.util.List;

/**
 * A tensor in device memory.
 *
 * @param address of element 0
 * @param format how it is stored
 * @param tensorId its index among the sorted trainable names
 * @param elements how many it has
 * @param vector whether it has fewer than two axes; weight decay passes over it
 * @param states what an update rule keeps beside each element, in the rule's order
 */
public record DeviceTensor(
        long address,
        TensorFormat format,
        int tensorId,
        long elements,
        boolean vector,
        List<State> states) {
    /**
     * A number beside every element.
     *
     * @param address of that of element 0
     * @param dtype F32 or BF16
     */
    public record State(long address, DType dtype) {}

    /** A tensor without states. */
    public DeviceTensor(long address, DType dtype, int tensorId, long elements, boolean vector) {
        this(address, dtype, tensorId, elements, vector, List.of());
    }

    /** Freezes the states. */
    public DeviceTensor {
        states = List.copyOf(states);
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
        throw new IllegalStateException(format.name() + " is no plain array");
    }

    /** The address of an element of a plain array. */
    public long at(long element) {
        return address + element * dtype().sizeBytes();
    }
}
