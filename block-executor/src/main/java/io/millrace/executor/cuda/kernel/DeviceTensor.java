package io.millrace.executor.cuda.kernel;

import io.millrace.memory.DType;

/**
 * A trainable tensor in device memory.
 *
 * @param address of element 0
 * @param dtype how it is stored
 * @param tensorId its index among the sorted trainable names
 * @param elements how many it has
 * @param vector whether it has fewer than two axes; weight decay passes over it
 */
public record DeviceTensor(long address, DType dtype, int tensorId, long elements, boolean vector) {
    /** The address of an element. */
    public long at(long element) {
        return address + element * dtype.sizeBytes();
    }
}
