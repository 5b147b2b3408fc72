package io.millrace.executor.cuda.product;

import io.millrace.memory.DType;

/**
 * A product, and how its row-major matrices lie; strides in elements.
 *
 * @param rows rows of x and y
 * @param outputs columns of y
 * @param inputs columns of x
 * @param inputMajor whether w is stored [inputs, outputs], else [outputs, inputs]
 * @param rowX from a row of x to the next
 * @param rowW from a row of w, as stored, to the next
 * @param rowY from a row of y to the next
 * @param batch matrices
 * @param strideX from one x to the next
 * @param strideW from one w to the next
 * @param strideY from one y to the next
 * @param inType of x and w; {@link #E4M3} for matrices that have scales
 * @param outType of y
 * @param accumulate whether to add to y
 */
public record MatmulShape(
        int rows,
        int outputs,
        int inputs,
        boolean inputMajor,
        long rowX,
        long rowW,
        long rowY,
        int batch,
        long strideX,
        long strideW,
        long strideY,
        DType inType,
        DType outType,
        boolean accumulate) {
    /** 8-bit floats, as the bytes that hold them: no tensor of a model is stored so. */
    public static final DType E4M3 = DType.U8;
}
