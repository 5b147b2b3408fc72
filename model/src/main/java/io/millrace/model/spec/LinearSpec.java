package io.millrace.model.spec;

/**
 * {@code y = x Wᵀ + b}, or {@code y = x W + b} for matrices stored input-major.
 *
 * @param weight name of the matrix
 * @param bias name of the vector [outputs], or null
 * @param inputs width of x
 * @param outputs width of y
 * @param inputMajor true when the matrix is stored [inputs, outputs] (GPT-2), false for [outputs,
 *     inputs]
 */
public record LinearSpec(String weight, String bias, int inputs, int outputs, boolean inputMajor) {}
