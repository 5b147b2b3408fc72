package io.millrace.executor.step;

/**
 * The same matrix for every scale of a query, one after another.
 *
 * @param base where the matrix of the first scale begins
 * @param stride elements from one scale's matrix to the next
 * @param rowStride elements from one row to the next
 */
public record Variants(Floats base, long stride, long rowStride) {
    /** Where a scale's matrix begins. */
    public Floats of(int scale) {
        return base.at(scale * stride);
    }

    /** The same rows from a column on. */
    public Variants column(int column) {
        return new Variants(base.at(column), stride, rowStride);
    }
}
