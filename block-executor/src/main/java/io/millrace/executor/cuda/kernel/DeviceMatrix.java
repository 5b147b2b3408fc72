package io.millrace.executor.cuda.kernel;

import io.millrace.memory.DType;

/**
 * The same matrix for every scale of a query, one after another in device memory.
 *
 * @param address where the matrix of the first scale begins
 * @param stride elements from one scale's matrix to the next
 * @param rowStride elements from one row to the next
 * @param type F32, F16 or BF16
 */
public record DeviceMatrix(long address, long stride, long rowStride, DType type) {
    /** The same rows from a column on. */
    public DeviceMatrix column(long column) {
        return at(column);
    }

    /** From a row on. */
    public DeviceMatrix row(long row) {
        return at(row * rowStride);
    }

    /** From a scale on. */
    public DeviceMatrix scale(int scale) {
        return at(scale * stride);
    }

    private DeviceMatrix at(long elements) {
        return elements == 0
                ? this
                : new DeviceMatrix(address + elements * type.sizeBytes(), stride, rowStride, type);
    }
}
