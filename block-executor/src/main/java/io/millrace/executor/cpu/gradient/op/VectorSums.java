package io.millrace.executor.cpu.gradient.op;

import io.millrace.executor.cpu.op.VectorLanes;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** Sums over many numbers, in lanes over spans and the spans in double. */
public final class VectorSums {
    private static final int SPAN = 1024;

    private VectorSums() {}

    /**
     * The sum of squares.
     *
     * @param offset floats before the first
     * @param count how many
     */
    public static double squares(MemorySegment segment, long offset, long count) {
        return products(segment, offset, segment, offset, count);
    }

    /**
     * The inner product of two ranges.
     *
     * @param leftOffset floats before the first of one
     * @param rightOffset floats before the first of the other
     * @param count how many
     */
    public static double products(
            MemorySegment left,
            long leftOffset,
            MemorySegment right,
            long rightOffset,
            long count) {
        double total = 0;
        for (long done = 0; done < count; done += SPAN) {
            int most = (int) Math.min(SPAN, count - done);
            total += span(left, leftOffset + done, right, rightOffset + done, most);
        }
        return total;
    }

    private static float span(
            MemorySegment left, long leftFrom, MemorySegment right, long rightFrom, int count) {
        FloatVector sum = FloatVector.zero(VectorLanes.SPECIES);
        int i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector x = VectorLanes.load(left, leftFrom + i);
            sum = x.fma(VectorLanes.load(right, rightFrom + i), sum);
        }
        if (i < count) {
            VectorMask<Float> tail = VectorLanes.tail(i, count);
            FloatVector x = VectorLanes.load(left, leftFrom + i, tail);
            sum = x.fma(VectorLanes.load(right, rightFrom + i, tail), sum);
        }
        return VectorLanes.sum(sum);
    }
}
