package io.millrace.executor.cpu.op;

/**
 * How a matrix of weights, or a panel of one, lies in memory.
 *
 * @param order of its elements
 * @param ld elements from a row to the next, as stored; without a meaning in pairs
 */
public record WeightLayout(WeightOrder order, long ld) {
    /** Rows without a gap, one an input or one an output. */
    public static WeightLayout of(boolean inputMajor, long inputs, long outputs) {
        return inputMajor
                ? new WeightLayout(WeightOrder.INPUTS, outputs)
                : new WeightLayout(WeightOrder.OUTPUTS, inputs);
    }
}
