package io.millrace.executor.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Cross-entropy over a vocabulary seen in panels, so that the full logits never exist. Of each
 * (row, panel) remain {@value #PARTIAL_FLOATS} floats: the largest logit, the sum of exp(logit −
 * largest), the id of the largest (as int bits), and the target's logit when it is here. They are
 * merged in the order of panels, in double.
 */
public final class Loss {
    /** Floats kept for each row and panel. */
    public static final int PARTIAL_FLOATS = 4;

    /** A target that is not scored. */
    public static final int IGNORED = -100;

    private static final int SUM = 1;
    private static final int ARGMAX = 2;
    private static final int TARGET = 3;

    private Loss() {}

    /** Floats of the partials of that many rows and panels. */
    public static long partialFloats(long rows, int panels) {
        return rows * panels * PARTIAL_FLOATS;
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
     * @param panels how many there are
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
            int panels) {
        for (int r = 0; r < rows; r++) {
            long at = logitsOffset + r * logitsStride;
            if (softcap != 0) {
                Activations.softcap(softcap, logits, at, logits, at, width);
            }
            long row = (long) firstRow + r;
            long to = partialsOffset + (row * panels + panel) * PARTIAL_FLOATS;
            float largest = largest(logits, at, width);
            Floats.set(partials, to, largest);
            Floats.set(partials, to + SUM, sumExp(logits, at, width, largest));
            int best = firstId + indexOf(logits, at, width, largest);
            partials.set(ValueLayout.JAVA_INT, (to + ARGMAX) * Float.BYTES, best);
            int column = targets[firstRow + r] - firstId;
            float hit = column >= 0 && column < width ? Floats.get(logits, at + column) : 0f;
            Floats.set(partials, to + TARGET, hit);
        }
    }

    /**
     * The loss of a row, {@code log Σ exp(logits) − logits[target]}, or 0 for an ignored target.
     * The target's panel holds its logit and all others hold 0 there.
     */
    public static double merge(
            MemorySegment partials, long partialsOffset, int row, int panels, int target) {
        if (target == IGNORED) {
            return 0;
        }
        long first = partialsOffset + (long) row * panels * PARTIAL_FLOATS;
        double largest = Double.NEGATIVE_INFINITY;
        double targetLogit = 0;
        for (int p = 0; p < panels; p++) {
            long at = first + (long) p * PARTIAL_FLOATS;
            largest = Math.max(largest, Floats.get(partials, at));
            targetLogit += Floats.get(partials, at + TARGET);
        }
        double sum = 0;
        for (int p = 0; p < panels; p++) {
            long at = first + (long) p * PARTIAL_FLOATS;
            double factor = StrictMath.exp(Floats.get(partials, at) - largest);
            sum += Floats.get(partials, at + SUM) * factor;
        }
        return StrictMath.log(sum) + largest - targetLogit;
    }

    /** The id of the row's largest logit; the lowest of equals. */
    public static int argmax(MemorySegment partials, long partialsOffset, int row, int panels) {
        long first = partialsOffset + (long) row * panels * PARTIAL_FLOATS;
        long best = first;
        for (int p = 1; p < panels; p++) {
            long at = first + (long) p * PARTIAL_FLOATS;
            if (Floats.get(partials, at) > Floats.get(partials, best)) {
                best = at;
            }
        }
        return partials.get(ValueLayout.JAVA_INT, (best + ARGMAX) * Float.BYTES);
    }

    private static float largest(MemorySegment logits, long at, int width) {
        FloatVector top = Lanes.broadcast(Float.NEGATIVE_INFINITY);
        int i = 0;
        for (; i <= width - Lanes.LENGTH; i += Lanes.LENGTH) {
            top = Lanes.larger(top, Lanes.load(logits, at + i)); // skips a NaN; its exp shows it
        }
        float largest = Lanes.max(top);
        for (; i < width; i++) {
            float x = Floats.get(logits, at + i);
            largest = x > largest ? x : largest;
        }
        return largest;
    }

    private static float sumExp(MemorySegment logits, long at, int width, float largest) {
        FloatVector sum = FloatVector.zero(Lanes.SPECIES);
        int i = 0;
        for (; i <= width - Lanes.LENGTH; i += Lanes.LENGTH) {
            sum = sum.add(Lanes.expUpTo0(Lanes.load(logits, at + i).sub(largest)));
        }
        float total = Lanes.sum(sum);
        for (; i < width; i++) {
            total += Scalars.expUpTo0(Floats.get(logits, at + i) - largest);
        }
        return total;
    }

    private static int indexOf(MemorySegment logits, long at, int width, float value) {
        int i = 0;
        for (; i <= width - Lanes.LENGTH; i += Lanes.LENGTH) {
            VectorMask<Float> hits = Lanes.load(logits, at + i).eq(value);
            if (hits.anyTrue()) {
                return i + hits.firstTrue();
            }
        }
        for (; i < width; i++) {
            if (Floats.get(logits, at + i) == value) {
                return i;
            }
        }
        return 0; // only when a NaN is the largest; the loss says so
    }
}
