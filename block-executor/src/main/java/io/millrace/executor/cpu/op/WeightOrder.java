package io.millrace.executor.cpu.op;

/** The order in which a matrix of weights with k inputs and n outputs lies in memory. */
public enum WeightOrder {
    /** [n, k], as most models store them. */
    OUTPUTS,

    /** [k, n], as GPT-2 does. */
    INPUTS,

    /**
     * [n / 64, k / 2, 64, 2] of bfloat16: two inputs of an output side by side, as processors
     * multiply them, so that a product begins without laying its weights out anew.
     */
    PAIRS;

    /** Outputs of {@link #PAIRS} that lie together: n is a multiple. */
    public static final int PAIRED_OUTPUTS = 64;

    /** What k of {@link #PAIRS} is a multiple of. */
    public static final int PAIRED_INPUTS = 32;
}
