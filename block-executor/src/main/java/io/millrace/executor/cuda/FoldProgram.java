package io.millrace.executor.cuda;

/**
 * What brings stored parameters up to date, in device memory: decays, terms, roundings and the
 * store, in order.
 *
 * @param address of the first of its steps
 * @param count how many
 */
public record FoldProgram(long address, int count) {
    static final FoldProgram EMPTY = new FoldProgram(0, 0);
}
