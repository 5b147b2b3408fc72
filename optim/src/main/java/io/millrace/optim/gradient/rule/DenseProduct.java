package io.millrace.optim.gradient.rule;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Products of row-major matrices in float32. Each element is a sum in the order of the inner axis,
 * without fused additions, so that its bits are the same whatever vectors a machine has.
 */
final class DenseProduct {
    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
    private static final int ROWS = 4; // at a time, so that what is read of the right serves all

    private DenseProduct() {}

    /**
     * The product.
     *
     * @param left [rows, inner]
     * @param right [inner, columns]
     * @return [rows, columns]
     */
    static float[] of(float[] left, float[] right, int rows, int inner, int columns) {
        float[] product = new float[Math.multiplyExact(rows, columns)];
        int whole = LANES.loopBound(columns);
        for (int column = 0; column < whole; column += LANES.length()) {
            for (int row = 0; row < rows; row += ROWS) {
                if (row + ROWS <= rows) {
                    four(left, right, inner, columns, row, column, product);
                } else {
                    rest(left, right, rows, inner, columns, row, column, product);
                }
            }
        }
        for (int row = 0; row < rows; row++) {
            for (int column = whole; column < columns; column++) {
                float sum = 0;
                for (int k = 0; k < inner; k++) {
                    sum += left[row * inner + k] * right[k * columns + column];
                }
                product[row * columns + column] = sum;
            }
        }
        return product;
    }

    private static void four(
            float[] left,
            float[] right,
            int inner,
            int columns,
            int row,
            int column,
            float[] product) {
        FloatVector a = FloatVector.zero(LANES);
        FloatVector b = a;
        FloatVector c = a;
        FloatVector d = a;
        int at = row * inner;
        for (int k = 0; k < inner; k++) {
            FloatVector next = FloatVector.fromArray(LANES, right, k * columns + column);
            a = a.add(next.mul(left[at + k]));
            b = b.add(next.mul(left[at + inner + k]));
            c = c.add(next.mul(left[at + 2 * inner + k]));
            d = d.add(next.mul(left[at + 3 * inner + k]));
        }
        int to = row * columns + column;
        a.intoArray(product, to);
        b.intoArray(product, to + columns);
        c.intoArray(product, to + 2 * columns);
        d.intoArray(product, to + 3 * columns);
    }

    private static void rest(
            float[] left,
            float[] right,
            int rows,
            int inner,
            int columns,
            int first,
            int column,
            float[] product) {
        for (int row = first; row < rows; row++) {
            FloatVector sum = FloatVector.zero(LANES);
            for (int k = 0; k < inner; k++) {
                FloatVector next = FloatVector.fromArray(LANES, right, k * columns + column);
                sum = sum.add(next.mul(left[row * inner + k]));
            }
            sum.intoArray(product, row * columns + column);
        }
    }

    /** The transpose [columns, rows] of a matrix [rows, columns]. */
    static float[] transposed(float[] matrix, int rows, int columns) {
        float[] result = new float[matrix.length];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                result[column * rows + row] = matrix[row * columns + column];
            }
        }
        return result;
    }
}
