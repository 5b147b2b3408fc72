package io.millrace.executor.cuda.product;

/** Products of matrices on a device's compute stream, summed in float32. */
public interface DeviceMatmul extends AutoCloseable {
    /**
     * {@code y = x wᵀ}, or {@code y = x w} for matrices stored input-major, for every matrix of the
     * batch, times a factor; or the same added to what y holds.
     *
     * @param shape what is multiplied, and how it lies
     * @param x address of the first [rows, inputs]
     * @param w address of the first matrix
     * @param scales what x and w are multiplied by, of E4M3 alone
     * @param y address of the first [rows, outputs]
     * @param factor on each product
     */
    void multiply(MatmulShape shape, long x, long w, MatmulScales scales, long y, float factor);

    @Override
    void close();
}
