package io.millrace.optim.direction;

import io.millrace.optim.mask.BaseWeights;
import java.util.Arrays;
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

    /** Small dense algebra in double and in a fixed order. */
    private static final class Orthonormal {
        private static final int SWEEPS = 30;

        private Orthonormal() {}

        /** Makes columns orthonormal, in order, twice over: a column of nothing stays nothing. */
        static void columns(double[] a, int rows, int width) {
            for (int j = 0; j < width; j++) {
                for (int again = 0; again < 2; again++) {
                    for (int i = 0; i < j; i++) {
                        double sum = 0;
                        for (int row = 0; row < rows; row++) {
                            sum += a[row * width + i] * a[row * width + j];
                        }
                        for (int row = 0; row < rows; row++) {
                            a[row * width + j] -= sum * a[row * width + i];
                        }
                    }
                }
                double squares = 0;
                for (int row = 0; row < rows; row++) {
                    squares += a[row * width + j] * a[row * width + j];
                }
                double length = Math.sqrt(squares);
                for (int row = 0; row < rows && length > 0; row++) {
                    a[row * width + j] /= length;
                }
            }
        }

        /**
         * The eigenvectors of YᵀY as columns, those of the largest values first, by Jacobi's
         * rotations.
         */
        static double[] turn(double[] y, int rows, int width) {
            double[] gram = new double[width * width];
            for (int row = 0; row < rows; row++) {
                for (int i = 0; i < width; i++) {
                    double value = y[row * width + i];
                    for (int j = 0; j < width; j++) {
                        gram[i * width + j] += value * y[row * width + j];
                    }
                }
            }
            double[] vectors = new double[width * width];
            for (int i = 0; i < width; i++) {
                vectors[i * width + i] = 1;
            }
            for (int sweep = 0; sweep < SWEEPS; sweep++) {
                for (int p = 0; p < width; p++) {
                    for (int q = p + 1; q < width; q++) {
                        rotate(gram, vectors, width, p, q);
                    }
                }
            }
            Integer[] order = new Integer[width];
            Arrays.setAll(order, i -> i);
            Arrays.sort(order, (i, j) -> Double.compare(gram[j * width + j], gram[i * width + i]));
            double[] sorted = new double[width * width];
            for (int j = 0; j < width; j++) {
                for (int i = 0; i < width; i++) {
                    sorted[i * width + j] = vectors[i * width + order[j]];
                }
            }
            return sorted;
        }

        private static void rotate(double[] a, double[] vectors, int width, int p, int q) {
            double off = a[p * width + q];
            if (off == 0) {
                return;
            }
            double theta = (a[q * width + q] - a[p * width + p]) / (2 * off);
            double t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
            double c = 1 / Math.sqrt(t * t + 1);
            double s = t * c;
            for (int i = 0; i < width; i++) {
                turn(a, i * width + p, i * width + q, c, s);
            }
            for (int i = 0; i < width; i++) {
                turn(a, p * width + i, q * width + i, c, s);
            }
            for (int i = 0; i < width; i++) {
                turn(vectors, i * width + p, i * width + q, c, s);
            }
        }

        private static void turn(double[] a, int first, int second, double c, double s) {
            double x = a[first];
            double y = a[second];
            a[first] = c * x - s * y;
            a[second] = s * x + c * y;
        }
    }
}
