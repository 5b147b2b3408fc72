package io.millrace.optim.direction;

import io.millrace.optim.mask.BaseWeights;
import java.util.List;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Singular vectors of the largest singular values of a base's matrices, by subspace iteration: V ←
 * orthonormal of WᵀW V, from gaussian numbers on, and then the best that lies in the span of V.
 * Everything is double, in an order of its own, and a matrix is read once an iteration.
 */
public final class SingularVectors {
    /** Iterations. */
    static final int ITERATIONS = 50;

    /** Vectors beside those that are wanted, which make these come faster. */
    static final int SPARE = 8;

    private static final int GROUP = 8; // a vector of any machine divides it
    private static final VectorSpecies<Double> LANES = DoubleVector.SPECIES_PREFERRED;

    private final float[][] left; // by tensor, [m, r]
    private final float[][] right; // by tensor, [n, r]

    private SingularVectors(int tensors) {
        left = new float[tensors][];
        right = new float[tensors][];
    }

    static SingularVectors of(BaseWeights base, SingularDirection direction) {
        List<BaseWeights.Tensor> matrices =
                base.tensors().stream().filter(tensor -> tensor.shape().size() == 2).toList();
        int ids = matrices.stream().mapToInt(BaseWeights.Tensor::tensorId).max().orElse(-1);
        SingularVectors vectors = new SingularVectors(ids + 1);
        matrices.parallelStream().forEach(matrix -> vectors.add(base, direction, matrix));
        return vectors;
    }

    private void add(BaseWeights base, SingularDirection direction, BaseWeights.Tensor matrix) {
        int rows = Math.toIntExact(matrix.shape().get(0));
        int columns = Math.toIntExact(matrix.shape().get(1));
        int rank = direction.rank(rows, columns);
        int wanted = Math.min(rank + SPARE, Math.min(rows, columns));
        int width = Math.ceilDiv(wanted, GROUP) * GROUP; // what is behind those is 0 throughout
        double[] v = begin(direction, matrix.tensorId(), columns, wanted, width);
        Orthonormal.columns(v, columns, width);
        for (int iteration = 0; iteration < ITERATIONS; iteration++) {
            double[] next = new double[v.length];
            double[] before = v;
            eachRow(
                    base,
                    matrix,
                    columns,
                    (_, row) -> {
                        double[] product = times(row, before, columns, width);
                        addProduct(next, row, product, columns, width);
                    });
            Orthonormal.columns(next, columns, width);
            v = next;
        }
        double[] last = v;
        double[] y = new double[rows * width];
        eachRow(
                base,
                matrix,
                columns,
                (index, row) ->
                        System.arraycopy(
                                times(row, last, columns, width), 0, y, index * width, width));
        double[] turn = Orthonormal.turn(y, rows, width);
        left[matrix.tensorId()] = unit(turned(y, turn, rows, width), rows, width, rank);
        right[matrix.tensorId()] = unit(turned(v, turn, columns, width), columns, width, rank);
    }

    /** A row of a matrix, and which. */
    private interface Row {
        void take(int index, float[] row);
    }

    private static void eachRow(
            BaseWeights base, BaseWeights.Tensor matrix, int columns, Row each) {
        float[] row = new float[columns];
        int[] at = {0, 0}; // the row, and how much of it is there
        base.read(
                matrix,
                (values, count) -> {
                    for (int done = 0; done < count; ) {
                        int part = Math.min(columns - at[1], count - done);
                        System.arraycopy(values, done, row, at[1], part);
                        done += part;
                        at[1] += part;
                        if (at[1] == columns) {
                            each.take(at[0]++, row);
                            at[1] = 0;
                        }
                    }
                });
    }

    private static double[] begin(
            SingularDirection direction, int tensorId, int columns, int wanted, int width) {
        float[] values = new float[columns * wanted];
        direction.begin(tensorId, 0, values, 0, values.length);
        double[] v = new double[columns * width];
        for (int i = 0; i < values.length; i++) {
            v[i / wanted * width + i % wanted] = values[i];
        }
        return v;
    }

    /** A row times V. */
    private static double[] times(float[] row, double[] v, int columns, int width) {
        double[] product = new double[width];
        for (int j = 0; j < width; j += LANES.length()) {
            DoubleVector sum = DoubleVector.zero(LANES);
            for (int column = 0; column < columns; column++) {
                sum =
                        sum.add(
                                DoubleVector.fromArray(LANES, v, column * width + j)
                                        .mul(row[column]));
            }
            sum.intoArray(product, j);
        }
        return product;
    }

    /** Adds a row, transposed, times its product. */
    private static void addProduct(
            double[] to, float[] row, double[] product, int columns, int width) {
        for (int j = 0; j < width; j += LANES.length()) {
            DoubleVector factor = DoubleVector.fromArray(LANES, product, j);
            for (int column = 0; column < columns; column++) {
                int at = column * width + j;
                DoubleVector.fromArray(LANES, to, at)
                        .add(factor.mul(row[column]))
                        .intoArray(to, at);
            }
        }
    }

    private static double[] turned(double[] a, double[] turn, int rows, int width) {
        double[] result = new double[rows * width];
        for (int row = 0; row < rows; row++) {
            for (int k = 0; k < width; k++) {
                double value = a[row * width + k];
                for (int j = 0; j < width; j++) {
                    result[row * width + j] += value * turn[k * width + j];
                }
            }
        }
        return result;
    }

    /** The first columns over their lengths; one of length 0 stays 0. */
    private static float[] unit(double[] a, int rows, int width, int rank) {
        float[] result = new float[rows * rank];
        for (int j = 0; j < rank; j++) {
            double squares = 0;
            for (int row = 0; row < rows; row++) {
                squares += a[row * width + j] * a[row * width + j];
            }
            double length = Math.sqrt(squares);
            for (int row = 0; row < rows && length > 0; row++) {
                result[row * rank + j] = (float) (a[row * width + j] / length);
            }
        }
        return result;
    }

    void left(int tensorId, long firstElement, float[] values, int offset, int count) {
        System.arraycopy(left[tensorId], (int) firstElement, values, offset, count);
    }

    void right(int tensorId, long firstElement, float[] values, int offset, int count) {
        System.arraycopy(right[tensorId], (int) firstElement, values, offset, count);
    }
}
