package io.millrace.executor.cpu.param;

import io.millrace.executor.step.LowRankSize;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Makes the columns of a thin matrix orthonormal, in double: modified Gram–Schmidt, a column after
 * another. Every column takes from its neighbours the same sums in the same order however columns
 * are shared among threads, as no sum runs over columns.
 */
public final class GramSchmidt {
    /** Columns that are worked on together: as many as any vector has lanes. */
    public static final int COLUMNS = LowRankSize.ORTHONORMAL_COLUMNS;

    private static final VectorSpecies<Double> LANES = DoubleVector.SPECIES_PREFERRED;
    private static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private GramSchmidt() {}

    /** Doubles of a row of r columns: whole groups of {@link #COLUMNS}. */
    public static int stride(int rank) {
        return Math.ceilDiv(rank, COLUMNS) * COLUMNS;
    }

    /** Divides a column by its length, which ends it. */
    public static void normalize(MemorySegment q, int rows, int stride, int column) {
        double squares = 0;
        for (long row = 0; row < rows; row++) {
            double value = q.getAtIndex(DOUBLE, row * stride + column);
            squares += value * value;
        }
        double length = Math.sqrt(squares);
        for (long row = 0; row < rows; row++) {
            long at = row * stride + column;
            q.setAtIndex(DOUBLE, at, q.getAtIndex(DOUBLE, at) / length);
        }
    }

    /**
     * Takes what lies along a column that is done out of those of a group that come after it.
     *
     * @param q row-major [rows, stride]
     * @param column the one that is done
     * @param group which columns: from {@code group · COLUMNS} on
     */
    public static void subtract(MemorySegment q, int rows, int stride, int column, int group) {
        for (int lane = 0; lane < COLUMNS; lane += LANES.length()) {
            int first = group * COLUMNS + lane;
            if (first + LANES.length() - 1 > column) {
                subtractLanes(q, rows, stride, column, first);
            }
        }
    }

    private static void subtractLanes(
            MemorySegment q, int rows, int stride, int column, int first) {
        DoubleVector dots = DoubleVector.zero(LANES);
        for (long row = 0; row < rows; row++) {
            DoubleVector done =
                    DoubleVector.broadcast(LANES, q.getAtIndex(DOUBLE, row * stride + column));
            dots = dots.add(done.mul(load(q, row * stride + first)));
        }
        // A column that is done itself keeps its bits: nothing is taken out of it.
        DoubleVector places = DoubleVector.zero(LANES).addIndex(1).add(first);
        dots = dots.blend(0, places.compare(VectorOperators.LE, column));
        for (long row = 0; row < rows; row++) {
            DoubleVector done =
                    DoubleVector.broadcast(LANES, q.getAtIndex(DOUBLE, row * stride + column));
            long at = row * stride + first;
            load(q, at)
                    .sub(dots.mul(done))
                    .intoMemorySegment(q, at * Double.BYTES, ByteOrder.LITTLE_ENDIAN);
        }
    }

    /** Writes rows of floats [count, rank] as rows of doubles, with zeros up to the stride. */
    static void widen(float[] rows, int count, int rank, MemorySegment q, long firstRow) {
        int stride = stride(rank);
        for (int row = 0; row < count; row++) {
            long to = (firstRow + row) * stride;
            for (int column = 0; column < stride; column++) {
                q.setAtIndex(DOUBLE, to + column, column < rank ? rows[row * rank + column] : 0);
            }
        }
    }

    /** Reads them back, rounded. */
    static void narrow(MemorySegment q, long firstRow, int count, int rank, float[] rows) {
        int stride = stride(rank);
        for (int row = 0; row < count; row++) {
            long from = (firstRow + row) * stride;
            for (int column = 0; column < rank; column++) {
                rows[row * rank + column] = (float) q.getAtIndex(DOUBLE, from + column);
            }
        }
    }

    private static DoubleVector load(MemorySegment q, long at) {
        return DoubleVector.fromMemorySegment(LANES, q, at * Double.BYTES, ByteOrder.LITTLE_ENDIAN);
    }
}
