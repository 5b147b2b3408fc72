package io.millrace.executor.cuda.kernel;

/**
 * What brings stored parameters up to date, in device memory: decays, terms, roundings and the
 * store, in order.
 *
 * @param address of the first of its steps
 * @param count how many
 * @param elementwise whether some steps are over registers of an element
 * @param sums address of float32 values, one an element, that are added before all steps; or 0
 */
public record FoldProgram(long address, int count, boolean elementwise, long sums) {
    /** Leaves them as they are. */
    public static final FoldProgram EMPTY = new FoldProgram(0, 0, false, 0);

    /** The same, after what updates have summed for a tensor. */
    public FoldProgram withSums(long sumsAddress) {
        return new FoldProgram(address, count, elementwise, sumsAddress);
    }
}
