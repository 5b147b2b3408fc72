package io.millrace.executor.cpu.op;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Cross-entropy over a vocabulary seen in panels, so that the full logits never exist. What remains
 * are planes of a float for each row: first the target's logit, then of each panel a shift and the
 * sum of exp(logit − shift). {@link LossSums} joins them in the order of panels. The shift is 0
 * unless a sum would then leave the middle of float's range; it is the largest logit of the panel
 * there. Both are equally exact, and nearly all panels are spared the search.
 */
public final class Loss {
    /** A target that is not scored. */
    public static final int IGNORED = -100;

    /** Rows that are merged by one task are a multiple of this. */
    public static final int ROW_QUANTUM = 16;

    static final long PLANES = 2; // of a panel

    // Within, no summand overflowed, and those that became 0 were too small to count.
    private static final float LEAST = 1e-25f;
    private static final float MOST = 1e35f;

    private Loss() {}

    /** CheckedFloats of the partials of that many rows and panels. */
    public static long partialFloats(long rows, int panels) {
        return paddedRows(rows) * (1 + PLANES * panels);
    }

    /** The rows and what completes their last vector. */
    public static long paddedRows(long rows) {
        return Math.ceilDiv(rows, ROW_QUANTUM) * ROW_QUANTUM;
    }

    /**
     * Reduces one panel of logits, which it leaves changed when there is a softcap.
     *
     * @param logits rows of logits of ids [firstId, firstId + width)
     * @param logitsOffset floats before the first row
     * @param logitsStride floats from a row to the next
     * @param firstRow number of the first row among all that are scored
     * @param rows rows here
     * @param firstId the id of column 0
     * @param width columns here, at least 1
     * @param softcap c in {@code c · tanh(x / c)}, 0 for none
     * @param targets the target id of each row, by number, or {@link #IGNORED}
     * @param partials where the partials of all rows and panels are kept
     * @param partialsOffset floats before them
     * @param panel which panel this is
     * @param allRows how many rows are scored
     */
    public static void reducePanel(
            MemorySegment logits,
            long logitsOffset,
            long logitsStride,
            int firstRow,
            int rows,
            int firstId,
            int width,
            float softcap,
            int[] targets,
            MemorySegment partials,
            long partialsOffset,
            int panel,
            int allRows) {
        long plane = paddedRows(allRows);
        long target = partialsOffset + firstRow;
        long to = partialsOffset + (1 + panel * PLANES) * plane + firstRow;
        for (int r = 0; r < rows; r++) {
            long at = logitsOffset + r * logitsStride;
            if (softcap != 0) {
                Activations.softcap(softcap, logits, at, logits, at, width);
            }
            float shift = 0;
            float sum = sumExp(logits, at, width);
            if (!(sum > LEAST && sum < MOST)) {
                shift = largest(logits, at, width);
                sum = sumExpBelow(logits, at, width, shift);
            }
            CheckedFloats.set(partials, to + r, shift);
            CheckedFloats.set(partials, to + plane + r, sum);
            int column = targets[firstRow + r] - firstId;
            if (column >= 0 && column < width) {
                CheckedFloats.set(partials, target + r, CheckedFloats.get(logits, at + column));
            }
        }
    }

    /** The largest shift of any panel, of the rows of a vector. */
    static FloatVector top(MemorySegment partials, long first, long plane, int panels) {
        FloatVector top = VectorLanes.broadcast(Float.NEGATIVE_INFINITY);
        for (int panel = 0; panel < panels; panel++) {
            top =
                    VectorLanes.larger(
                            top, VectorLanes.load(partials, first + panel * PLANES * plane));
        }
        return top;
    }

    /** Adds {@code Σ sum · exp(shift − top)} over the panels to sums in double. */
    static void addUp(
            MemorySegment partials,
            long first,
            long plane,
            int panels,
            FloatVector top,
            double[] sums,
            int row) {
        for (int panel = 0; panel < panels; panel++) {
            long at = first + panel * PLANES * plane;
            FloatVector factor = VectorLanes.expUpTo0(VectorLanes.load(partials, at).sub(top));
            VectorLanes.addTo(sums, row, VectorLanes.load(partials, at + plane).mul(factor));
        }
    }

    /** The largest of some numbers, whatever else is there; that of none is −∞. */
    static float largest(MemorySegment logits, long at, int width) {
        FloatVector top = VectorLanes.broadcast(Float.NEGATIVE_INFINITY);
        int i = 0;
        for (; i <= width - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            top =
                    VectorLanes.larger(
                            top, VectorLanes.load(logits, at + i)); // skips a NaN; its exp shows it
        }
        float largest = VectorLanes.max(top);
        for (; i < width; i++) {
            float x = CheckedFloats.get(logits, at + i);
            largest = x > largest ? x : largest;
        }
        return largest;
    }

    private static float sumExp(MemorySegment logits, long at, int width) {
        FloatVector sum = FloatVector.zero(VectorLanes.SPECIES);
        int i = 0;
        for (; i <= width - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            sum = sum.add(VectorLanes.exp(VectorLanes.load(logits, at + i)));
        }
        float total = VectorLanes.sum(sum);
        for (; i < width; i++) {
            total += Scalars.exp(CheckedFloats.get(logits, at + i));
        }
        return total;
    }

    private static float sumExpBelow(MemorySegment logits, long at, int width, float largest) {
        FloatVector sum = FloatVector.zero(VectorLanes.SPECIES);
        int i = 0;
        for (; i <= width - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            sum = sum.add(VectorLanes.expUpTo0(VectorLanes.load(logits, at + i).sub(largest)));
        }
        float total = VectorLanes.sum(sum);
        for (; i < width; i++) {
            total += Scalars.expUpTo0(CheckedFloats.get(logits, at + i) - largest);
        }
        return total;
    }
}
