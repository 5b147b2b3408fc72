package io.millrace.model.spec;

import java.util.Optional;

/**
 * {@code y = x Wᵀ + b}, or {@code y = x W + b} for matrices stored input-major, and what an adapter
 * adds to it.
 *
 * @param weight name of the matrix
 * @param bias name of the vector [outputs], or null
 * @param inputs width of x
 * @param outputs width of y
 * @param inputMajor true when the matrix is stored [inputs, outputs] (GPT-2), false for [outputs,
 *     inputs]
 * @param side thin factors beside the matrix; empty in every published model
 */
public record LinearSpec(
        String weight,
        String bias,
        int inputs,
        int outputs,
        boolean inputMajor,
        Optional<SideSpec> side) {
    /** The product with a matrix alone. */
    public LinearSpec(String weight, String bias, int inputs, int outputs, boolean inputMajor) {
        this(weight, bias, inputs, outputs, inputMajor, Optional.empty());
    }

    /** The same with so many rows of a matrix that is not stored input-major. */
    public LinearSpec rows(int count) {
        return new LinearSpec(weight, bias, inputs, count, inputMajor, side);
    }

    /** The same with thin factors beside the matrix. */
    public LinearSpec withSide(SideSpec factors) {
        return new LinearSpec(weight, bias, inputs, outputs, inputMajor, Optional.of(factors));
    }
}
