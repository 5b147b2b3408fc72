package io.millrace.optim.gradient.rule;

import io.millrace.optim.direction.Orthonormal;
import io.millrace.optim.gradient.WholeTensor;
import io.millrace.optim.gradient.WholeTensor.Side;
import io.millrace.optim.random.GaussianStream;
import io.millrace.optim.random.StreamIds;
import java.lang.foreign.MemorySegment;

/**
 * Singular vectors of a gradient's largest singular values, those of its shorter side, by subspace
 * iteration from gaussian numbers on (Halko, Martinsson and Tropp, SIAM Review 53, 2011, algorithm
 * 4.4) and then the best that lies in the span of what it found. Products are float32, all else
 * double. Vectors lie one after another; each has its largest component above 0, since it has no
 * sign of its own, and what is kept along it has.
 *
 * <p>The gradient is only looked at, strip by strip; what is as long as its sides lies in the work
 * space that the rule asked for.
 */
final class TopVectors {
    /**
     * Enough where values of a gradient fall off slowly about the last that is wanted: with 4 a
     * small trained model's loss after one step of {@link GaLore} is off by thirty times what
     * float32 makes of it. Beside the steps that go along what was found they cost nothing.
     */
    private static final int ITERATIONS = 10;

    private static final int SPARE = 8; // vectors that make those that are wanted come faster
    private static final long LINE = 16; // floats; parts of the work space begin at lines

    private final WholeTensor tensor;
    private final int rows;
    private final int columns;
    private final int rank;

    /**
     * Of a tensor.
     *
     * @param rank how many are wanted, at most the shorter side
     */
    TopVectors(WholeTensor tensor, int rows, int columns, int rank) {
        this.tensor = tensor;
        this.rows = rows;
        this.columns = columns;
        this.rank = rank;
    }

    /** Floats of work space that a search takes, and what is found in it. */
    static long floats(long shorter, long longer, int rank) {
        long width = width(shorter, rank);
        return aligned(width * shorter)
                + aligned(width * longer)
                + aligned(2 * width * longer)
                + aligned(rank * shorter);
    }

    private static long width(long shorter, int rank) {
        return Math.min((long) rank + SPARE, shorter);
    }

    private static long aligned(long floats) {
        return Math.ceilDiv(floats, LINE) * LINE;
    }

    /** Whether the shorter side is that of the columns' vectors, on the left. */
    boolean isLeft() {
        return rows < columns;
    }

    private int shorter() {
        return Math.min(rows, columns);
    }

    private int longer() {
        return Math.max(rows, columns);
    }

    private int width() {
        return (int) width(shorter(), rank);
    }

    private Matrix near(int count) {
        return new Matrix(tensor.work(), 0, count, shorter());
    }

    private Matrix far(int count) {
        return new Matrix(tensor.work(), afterNear(), count, longer());
    }

    private long afterNear() {
        return aligned((long) width() * shorter());
    }

    private long afterFar() {
        return afterNear() + aligned((long) width() * longer());
    }

    /** Where vectors are that products are made with: [rank, shorter]. */
    Matrix basis() {
        long first = afterFar() + aligned(2L * width() * longer());
        return new Matrix(tensor.work(), first, rank, shorter());
    }

    private Vectors wide(Matrix of) {
        long first = afterFar() * Float.BYTES;
        MemorySegment memory = tensor.work().asSlice(first, of.count() * Double.BYTES);
        return new Vectors(memory, of);
    }

    /**
     * Finds them, and leaves them as the basis: vectors of nothing where the gradient has not as
     * many.
     *
     * @param seed of what it begins with
     * @return false where the gradient is nothing; the basis is then as it was
     */
    boolean find(long seed) {
        Matrix x = near(width());
        tensor.ranges(
                x.count(),
                1,
                (first, count, arrays) -> {
                    GaussianStream.fill(
                            StreamIds.GALORE_START, seed, 0, first, arrays[0], 0, count);
                    x.store(first, arrays[0], 0, count);
                });
        orthonormal(x);
        for (int iteration = 0; iteration < ITERATIONS; iteration++) {
            Matrix y = across(x);
            if (iteration == 0 && y.isNothing()) {
                return false;
            }
            orthonormal(y);
            product(isLeft() ? Side.ROWS : Side.COLUMNS, y, x);
            orthonormal(x);
        }
        double[] gram = wide(across(x)).gram();
        turn(wide(x), Orthonormal.eigenvectors(gram, width()));
        return true;
    }

    /** The gradient between the basis and its longer side: [rank, longer]. */
    Matrix acrossBasis() {
        return across(basis());
    }

    private Matrix across(Matrix vectors) {
        Matrix y = far(vectors.rows());
        product(isLeft() ? Side.COLUMNS : Side.ROWS, vectors, y);
        return y;
    }

    private void product(Side side, Matrix vectors, Matrix to) {
        tensor.strips(
                side,
                (first, count, from, inner, slab, spare) ->
                        DenseProduct.add(
                                vectors,
                                from,
                                new DenseProduct.Slab(slab, inner, count),
                                spare,
                                to,
                                first));
    }

    private void orthonormal(Matrix a) {
        Vectors vectors = wide(a);
        vectors.makeOrthonormal();
        vectors.store(a);
    }

    private void turn(Vectors x, double[] turn) {
        Matrix basis = basis();
        int length = shorter();
        float[] rounded = new float[length];
        for (int j = 0; j < rank; j++) {
            double[] vector = new double[length];
            for (int k = 0; k < width(); k++) {
                x.addTo(vector, turn[k * width() + j], k);
            }
            double size = length(vector);
            double factor = size > 0.5 ? signOfLargest(vector) / size : 0; // of length 1 or none
            for (int i = 0; i < length; i++) {
                rounded[i] = (float) (factor * vector[i]);
            }
            basis.storeRow(j, 0, rounded, 0, length);
        }
    }

    private static double length(double[] vector) {
        double squares = 0;
        for (double value : vector) {
            squares += value * value;
        }
        return Math.sqrt(squares);
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
