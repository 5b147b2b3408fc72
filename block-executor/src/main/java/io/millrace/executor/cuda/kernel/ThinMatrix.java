package io.millrace.executor.cuda.kernel;

/**
 * A matrix that takes low-rank directions, in device memory.
 *
 * @param tensor where it is stored
 * @param columns n, the length of its rows
 * @param rank r
 * @param factor 1 / √r
 */
public record ThinMatrix(DeviceTensor tensor, long columns, int rank, float factor) {
    /** m. */
    public long rows() {
        return tensor.elements() / columns;
    }
}
