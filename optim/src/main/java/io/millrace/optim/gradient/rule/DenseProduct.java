package io.millrace.optim.gradient.rule;

import io.millrace.optim.gradient.WholeTensor;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Products of row-major matrices in float32, a strip of columns at a time. Each element is a sum in
 * the order of the inner axis, without fused additions, so that its bits are the same whatever
 * vectors a machine has and however the inner axis is cut.
 */
final class DenseProduct {
    /** Rows at a time, so that what is read of the right serves all. */
    static final int ROWS = WholeTensor.SPARE;

    private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;

    private DenseProduct() {}

    /**
     * Adds to some columns of a product, or begins them.
     *
     * @param by [rows, …], of which the columns behind {@code from} count here
     * @param from where 0, the product begins; else it goes on where it was
     * @param slab [inner, count]
     * @param left room for [4, inner]
     * @param product [rows, …]
     * @param first of the columns there
     */
    static void add(Matrix by, int from, Slab slab, float[] left, Matrix product, int first) {
        int inner = slab.inner;
        int count = slab.count;
        float[] sums = new float[ROWS * count];
        for (int row = 0; row < by.rows(); row += ROWS) {
            int rows = Math.min(ROWS, by.rows() - row);
            Arrays.fill(left, rows * inner, ROWS * inner, 0f);
            Arrays.fill(sums, 0f);
            for (int i = 0; i < rows; i++) {
                by.loadRow(row + i, from, left, i * inner, inner);
                if (from > 0) {
                    product.loadRow(row + i, first, sums, i * count, count);
                }
            }
            addRows(left, slab, sums);
            for (int i = 0; i < rows; i++) {
                product.storeRow(row + i, first, sums, i * count, count);
            }
        }
    }

    /** Numbers [inner, count], one row behind the other. */
    record Slab(float[] values, int inner, int count) {}

    /**
     * Adds to four rows.
     *
     * @param left [4, inner]
     * @param sums [4, count]
     */
    static void addRows(float[] left, Slab slab, float[] sums) {
        int count = slab.count;
        int pairs = count - count % (2 * LANES.length());
        for (int column = 0; column < pairs; column += 2 * LANES.length()) {
            addPair(left, slab, column, sums);
        }
        for (int column = pairs; column < count; column++) {
            addColumn(left, slab, column, sums);
        }
    }

    private static void addPair(float[] left, Slab slab, int column, float[] sums) {
        int count = slab.count;
        int inner = slab.inner;
        int next = column + LANES.length();
        float[] values = slab.values;
        FloatVector a0 = FloatVector.fromArray(LANES, sums, column);
        FloatVector a1 = FloatVector.fromArray(LANES, sums, next);
        FloatVector b0 = FloatVector.fromArray(LANES, sums, count + column);
        FloatVector b1 = FloatVector.fromArray(LANES, sums, count + next);
        FloatVector c0 = FloatVector.fromArray(LANES, sums, 2 * count + column);
        FloatVector c1 = FloatVector.fromArray(LANES, sums, 2 * count + next);
        FloatVector d0 = FloatVector.fromArray(LANES, sums, 3 * count + column);
        FloatVector d1 = FloatVector.fromArray(LANES, sums, 3 * count + next);
        for (int k = 0; k < inner; k++) {
            FloatVector first = FloatVector.fromArray(LANES, values, k * count + column);
            FloatVector second = FloatVector.fromArray(LANES, values, k * count + next);
            float a = left[k];
            float b = left[inner + k];
            float c = left[2 * inner + k];
            float d = left[3 * inner + k];
            a0 = a0.add(first.mul(a));
            a1 = a1.add(second.mul(a));
            b0 = b0.add(first.mul(b));
            b1 = b1.add(second.mul(b));
            c0 = c0.add(first.mul(c));
            c1 = c1.add(second.mul(c));
            d0 = d0.add(first.mul(d));
            d1 = d1.add(second.mul(d));
        }
        a0.intoArray(sums, column);
        a1.intoArray(sums, next);
        b0.intoArray(sums, count + column);
        b1.intoArray(sums, count + next);
        c0.intoArray(sums, 2 * count + column);
        c1.intoArray(sums, 2 * count + next);
        d0.intoArray(sums, 3 * count + column);
        d1.intoArray(sums, 3 * count + next);
    }

    private static void addColumn(float[] left, Slab slab, int column, float[] sums) {
        for (int row = 0; row < ROWS; row++) {
            float sum = sums[row * slab.count + column];
            for (int k = 0; k < slab.inner; k++) {
                sum += left[row * slab.inner + k] * slab.values[k * slab.count + column];
            }
            sums[row * slab.count + column] = sum;
        }
    }
}
