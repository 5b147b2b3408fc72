package io.millrace.model.quantize;

import java.util.List;

/**
 * How far a matrix in its new form is from the one that it was made of.
 *
 * @param tensor its name
 * @param outputs rows
 * @param inputs columns
 * @param squaresLost the sum of the squares of what was lost
 * @param squares the sum of the squares of the matrix
 * @param worst the greatest difference of an element
 * @param calibrated whether what the matrix is multiplied with was known
 */
public record TensorError(
        String tensor,
        int outputs,
        int inputs,
        double squaresLost,
        double squares,
        double worst,
        boolean calibrated) {
    /** The same over all of some matrices. */
    public static double relativeRmsOfAll(List<TensorError> tensors) {
        double lost = 0;
        double whole = 0;
        for (TensorError tensor : tensors) {
            lost += tensor.squaresLost;
            whole += tensor.squares;
        }
        return whole == 0 ? 0 : Math.sqrt(lost / whole);
    }

    /** The root of the mean square of what was lost, over that of the matrix; 0 of zeros. */
    public double relativeRms() {
        return squares == 0 ? 0 : Math.sqrt(squaresLost / squares);
    }
}
