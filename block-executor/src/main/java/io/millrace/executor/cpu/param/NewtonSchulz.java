package io.millrace.executor.cpu.param;

import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.update.Update;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Makes an estimate G [r, n] orthogonal, nearly: {@code X = G / (|G| + 1e-7)}, then for each
 * iteration {@code A = X Xᵀ} and {@code X ← 3.4445 X + (−4.7750 A + 2.0315 A A) X} (Muon; ZO-Muon,
 * arXiv 2602.17155). X has the values of float32, all sums are double and in an order that no
 * sharing among threads changes: between two steps that are said to be shared, every thread waits.
 *
 * <p>X lies transposed, [n, stride] in doubles, so that sums over its columns and over its rows
 * both have lanes along r. Places behind r are 0 and stay so.
 */
public final class NewtonSchulz {
    private static final double ZETA = 1e-7;
    private static final double LINEAR = 3.4445;
    private static final double CUBIC = -4.7750;
    private static final double QUINTIC = 2.0315;
    private static final int TILE = 4096;
    private static final int TOGETHER = 4; // vectors of sums
    private static final VectorSpecies<Double> LANES = DoubleVector.SPECIES_PREFERRED;
    private static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MemorySegment x;
    private final int rank;
    private final int stride;
    private final int columns;
    private final double[] gram; // A, [r, stride]
    private final double[] product; // what X is multiplied by, [r, stride]

    /**
     * For one estimate.
     *
     * @param x doubles, [n, {@link GramSchmidt#stride}]; written
     * @param rank r, at most n
     * @param columns n
     */
    public NewtonSchulz(MemorySegment x, int rank, int columns) {
        this.x = x;
        this.rank = rank;
        this.columns = columns;
        stride = GramSchmidt.stride(rank);
        gram = new double[rank * stride];
        product = new double[rank * stride];
    }

    /** A direction of which matrix. */
    public record Source(FactoredDirection direction, int tensorId) {}

    /** Makes one row of G, {@code Σ coefficient · u}. Rows may be shared. */
    public void estimate(Source source, Update.Orthogonal rule, int row) {
        float[] sum = new float[Math.min(TILE, columns)];
        float[] z = new float[sum.length];
        for (int first = 0; first < columns; first += sum.length) {
            int count = Math.min(sum.length, columns - first);
            Arrays.fill(sum, 0f);
            for (Update.Term term : rule.slopes()) {
                long element = (long) row * columns + first;
                source.direction.fillCore(term.seed(), source.tensorId, element, z, 0, count);
                TileKernels.add(sum, z, count, term.coefficient());
            }
            for (int i = 0; i < count; i++) {
                x.setAtIndex(DOUBLE, (long) (first + i) * stride + row, sum[i]);
            }
        }
    }

    /** Divides by the norm: squares summed over each row in order, then over the rows. */
    public void normalize() {
        double[] squares = new double[stride];
        for (int column = 0; column < columns; column++) {
            for (int row = 0; row < rank; row++) {
                double value = x.getAtIndex(DOUBLE, (long) column * stride + row);
                squares[row] += value * value;
            }
            for (int row = rank; row < stride; row++) {
                x.setAtIndex(DOUBLE, (long) column * stride + row, 0);
            }
        }
        double sum = 0;
        for (int row = 0; row < rank; row++) {
            sum += squares[row];
        }
        double unit = Math.sqrt(sum) + ZETA;
        for (int column = 0; column < columns; column++) {
            for (int row = 0; row < rank; row++) {
                long at = (long) column * stride + row;
                x.setAtIndex(DOUBLE, at, (float) (x.getAtIndex(DOUBLE, at) / unit));
            }
        }
    }

    /** Makes a row of A. Rows may be shared. */
    public void gram(int row) {
        int lanes = LANES.length();
        int j = 0;
        // A sum waits for its own last addition: several go side by side.
        for (; j + TOGETHER * lanes <= stride; j += TOGETHER * lanes) {
            DoubleVector first = DoubleVector.zero(LANES);
            DoubleVector second = first;
            DoubleVector third = first;
            DoubleVector fourth = first;
            for (int column = 0; column < columns; column++) {
                long line = (long) column * stride;
                double value = x.getAtIndex(DOUBLE, line + row);
                first = first.add(load(line + j).mul(value));
                second = second.add(load(line + j + lanes).mul(value));
                third = third.add(load(line + j + 2L * lanes).mul(value));
                fourth = fourth.add(load(line + j + 3L * lanes).mul(value));
            }
            int to = row * stride + j;
            first.intoArray(gram, to);
            second.intoArray(gram, to + lanes);
            third.intoArray(gram, to + 2 * lanes);
            fourth.intoArray(gram, to + 3 * lanes);
        }
        for (; j < stride; j += lanes) {
            DoubleVector sum = DoubleVector.zero(LANES);
            for (int column = 0; column < columns; column++) {
                long line = (long) column * stride;
                double value = x.getAtIndex(DOUBLE, line + row);
                sum = sum.add(load(line + j).mul(value));
            }
            sum.intoArray(gram, row * stride + j);
        }
    }

    /**
     * Makes a row of {@code −4.7750 A + 2.0315 A A}. Rows may be shared, once all of A is there.
     */
    public void square(int row) {
        for (int j = 0; j < stride; j += LANES.length()) {
            DoubleVector sum = DoubleVector.zero(LANES);
            for (int k = 0; k < rank; k++) {
                double value = gram[row * stride + k];
                sum = sum.add(DoubleVector.fromArray(LANES, gram, k * stride + j).mul(value));
            }
            DoubleVector.fromArray(LANES, gram, row * stride + j)
                    .mul(CUBIC)
                    .add(sum.mul(QUINTIC))
                    .intoArray(product, row * stride + j);
        }
    }

    /** Makes some columns of the next X. Columns may be shared, once all products are there. */
    public void advance(int from, int to) {
        double[] next = new double[stride];
        for (int column = from; column < to; column++) {
            long line = (long) column * stride;
            advance(line, next);
            for (int row = 0; row < rank; row++) {
                x.setAtIndex(DOUBLE, line + row, (float) next[row]);
            }
        }
    }

    private void advance(long line, double[] next) {
        int lanes = LANES.length();
        int j = 0;
        for (; j + TOGETHER * lanes <= stride; j += TOGETHER * lanes) {
            DoubleVector first = load(line + j).mul(LINEAR);
            DoubleVector second = load(line + j + lanes).mul(LINEAR);
            DoubleVector third = load(line + j + 2L * lanes).mul(LINEAR);
            DoubleVector fourth = load(line + j + 3L * lanes).mul(LINEAR);
            for (int k = 0; k < rank; k++) {
                double value = x.getAtIndex(DOUBLE, line + k);
                int at = k * stride + j;
                first = first.add(factor(at).mul(value));
                second = second.add(factor(at + lanes).mul(value));
                third = third.add(factor(at + 2 * lanes).mul(value));
                fourth = fourth.add(factor(at + 3 * lanes).mul(value));
            }
            first.intoArray(next, j);
            second.intoArray(next, j + lanes);
            third.intoArray(next, j + 2 * lanes);
            fourth.intoArray(next, j + 3 * lanes);
        }
        for (; j < stride; j += lanes) {
            DoubleVector sum = load(line + j).mul(LINEAR);
            for (int k = 0; k < rank; k++) {
                double value = x.getAtIndex(DOUBLE, line + k);
                sum = sum.add(factor(k * stride + j).mul(value));
            }
            sum.intoArray(next, j);
        }
    }

    private DoubleVector factor(int at) {
        return DoubleVector.fromArray(LANES, product, at);
    }

    /** Writes some columns of X as floats of [r, n]. Columns may be shared. */
    public void write(int from, int to, MemorySegment out) {
        for (int row = 0; row < rank; row++) {
            for (int column = from; column < to; column++) {
                double value = x.getAtIndex(DOUBLE, (long) column * stride + row);
                out.setAtIndex(FLOAT, (long) row * columns + column, (float) value);
            }
        }
    }

    private DoubleVector load(long at) {
        return DoubleVector.fromMemorySegment(LANES, x, at * Double.BYTES, ByteOrder.LITTLE_ENDIAN);
    }
}
