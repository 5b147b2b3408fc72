package io.millrace.executor.cpu.weight;

import io.millrace.executor.cpu.op.Gemm;

/**
 * How a matrix of weights, or a panel of one, lies in memory.
 *
 * @param order of its elements
 * @param ld elements from a row to the next, as stored; without a meaning in pairs
 */
public record WeightLayout(Gemm.Order order, long ld) {
    /** Rows without a gap, one an input or one an output. */
    public static WeightLayout of(boolean inputMajor, long inputs, long outputs) {
        return inputMajor
                ? new WeightLayout(Gemm.Order.INPUTS, outputs)
                : new WeightLayout(Gemm.Order.OUTPUTS, inputs);
    }
}
