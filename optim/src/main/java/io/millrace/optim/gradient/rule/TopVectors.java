package io.millrace.optim.gradient.rule;

import io.millrace.optim.direction.Orthonormal;
import io.millrace.optim.random.GaussianStream;
import io.millrace.optim.random.StreamIds;
import java.util.Arrays;

/**
 * Singular vectors of a matrix's largest singular values, those of its shorter side, by subspace
 * iteration from gaussian numbers on (Halko, Martinsson and Tropp, SIAM Review 53, 2011, algorithm
 * 4.4) and then the best that lies in the span of what it found. Products are float32, all else
 * double. Vectors lie one after another; each has its largest component above 0, since it has no
 * sign of its own, and what is kept along it has.
 */
final class TopVectors {
    /**
     * Enough where values of a gradient fall off slowly about the last that is wanted: with 4 a
     * small trained model's loss after one step of {@link GaLore} is off by thirty times what
     * float32 makes of it. Beside the steps that go along what was found they cost nothing.
     */
    private static final int ITERATIONS = 10;

    private static final int SPARE = 8; // vectors that make those that are wanted come faster

    /** Share of the longest vector; what is left of one beside others and is less is rounding. */
    private static final double NOISE = 1e-5;

    private static final int LANES = 4; // sums that do not wait for each other

    private final float[] matrix;
    private final int rows;
    private final int columns;

    /**
     * Of a matrix.
     *
     * @param matrix [rows, columns]
     */
    TopVectors(float[] matrix, int rows, int columns) {
        this.matrix = matrix;
        this.rows = rows;
        this.columns = columns;
    }

    /** Whether the shorter side is that of the columns' vectors, on the left. */
    boolean isLeft() {
        return rows < columns;
    }

    private int shorter() {
        return Math.min(rows, columns);
    }

    /**
     * Finds them.
     *
     * @param rank how many, at most the shorter side
     * @param seed of what it begins with
     * @return [rank, shorter]; vectors of nothing where the matrix has not as many
     */
    float[] find(int rank, long seed) {
        int width = Math.min(rank + SPARE, shorter());
        float[] x = new float[Math.multiplyExact(width, shorter())];
        GaussianStream.fill(StreamIds.GALORE_START, seed, 0, 0, x, 0, x.length);
        orthonormal(x, width, shorter());
        for (int iteration = 0; iteration < ITERATIONS; iteration++) {
            float[] y = across(x, width);
            orthonormal(y, width, Math.max(rows, columns));
            x = back(y, width);
            orthonormal(x, width, shorter());
        }
        double[] turn = Orthonormal.eigenvectors(gram(across(x, width), width), width);
        return turned(x, turn, rank, width);
    }

    /**
     * The matrix between vectors of its shorter side and the longer one.
     *
     * @param vectors [count, shorter]
     * @return [count, longer]
     */
    float[] across(float[] vectors, int count) {
        return isLeft() ? timesMatrix(vectors, count) : timesTransposed(vectors, count);
    }

    private float[] back(float[] vectors, int count) {
        return isLeft() ? timesTransposed(vectors, count) : timesMatrix(vectors, count);
    }

    private float[] timesMatrix(float[] vectors, int count) {
        return DenseProduct.of(vectors, matrix, count, rows, columns);
    }

    private float[] timesTransposed(float[] vectors, int count) {
        float[] turned = DenseProduct.transposed(vectors, count, columns);
        float[] product = DenseProduct.of(matrix, turned, rows, columns, count);
        return DenseProduct.transposed(product, rows, count);
    }

    /** Makes vectors orthonormal, in order, each twice over. */
    private static void orthonormal(float[] a, int count, int length) {
        double[][] vectors = wide(a, count);
        double longest = Arrays.stream(vectors).mapToDouble(TopVectors::length).max().orElse(0);
        for (int i = 0; i < count; i++) {
            double[] vector = vectors[i];
            for (int other = 0; other < 2 * i; other++) {
                double[] before = vectors[other % i];
                add(vector, -dot(vector, before), before);
            }
            double left = length(vector);
            double factor = left > NOISE * longest ? 1 / left : 0;
            for (int k = 0; k < length; k++) {
                vector[k] *= factor;
                a[i * length + k] = (float) vector[k];
            }
        }
    }

    private static double[][] wide(float[] a, int count) {
        int length = a.length / count;
        double[][] vectors = new double[count][length];
        for (int i = 0; i < a.length; i++) {
            vectors[i / length][i % length] = a[i];
        }
        return vectors;
    }

    private static void add(double[] to, double share, double[] vector) {
        for (int k = 0; k < to.length; k++) {
            to[k] += share * vector[k];
        }
    }

    private static double length(double[] vector) {
        return Math.sqrt(dot(vector, vector));
    }

    private static double dot(double[] a, double[] b) {
        int whole = a.length - a.length % LANES;
        double first = 0;
        double second = 0;
        double third = 0;
        double fourth = 0;
        for (int k = 0; k < whole; k += LANES) {
            first += a[k] * b[k];
            second += a[k + 1] * b[k + 1];
            third += a[k + 2] * b[k + 2];
            fourth += a[k + 3] * b[k + 3];
        }
        for (int k = whole; k < a.length; k++) {
            first += a[k] * b[k];
        }
        return (first + second) + (third + fourth);
    }

    private static double[] gram(float[] y, int count) {
        double[][] vectors = wide(y, count);
        double[] gram = new double[count * count];
        for (int i = 0; i < count; i++) {
            for (int j = 0; j <= i; j++) {
                gram[i * count + j] = dot(vectors[i], vectors[j]);
                gram[j * count + i] = gram[i * count + j];
            }
        }
        return gram;
    }

    private static float[] turned(float[] x, double[] turn, int rank, int width) {
        double[][] vectors = wide(x, width);
        int length = x.length / width;
        float[] result = new float[rank * length];
        for (int j = 0; j < rank; j++) {
            double[] vector = new double[length];
            for (int k = 0; k < width; k++) {
                add(vector, turn[k * width + j], vectors[k]);
            }
            double size = length(vector);
            double factor = size > 0.5 ? signOfLargest(vector) / size : 0; // of length 1 or none
            for (int i = 0; i < length; i++) {
                result[j * length + i] = (float) (factor * vector[i]);
            }
        }
        return result;
    }

    private static double signOfLargest(double[] vector) {
        int largest = 0;
        for (int i = 1; i < vector.length; i++) {
            if (Math.abs(vector[i]) > Math.abs(vector[largest])) {
                largest = i;
            }
        }
        return Math.signum(vector[largest]);
    }
}
