package io.millrace.executor.cpu.op;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Losses of rows over a vocabulary that comes in one part or in several, each reduced by {@link
 * Loss}: of each row the largest shift so far, the sum of {@code exp(logit − shift)} in double, and
 * the target's logit. Parts and panels are joined in their order. While no shift grows, which is
 * nearly always since they are 0, several parts add up to the very bits of one.
 */
public final class LossSums {
    private double[] sums = new double[0];
    private float[] tops = new float[0];
    private float[] targets = new float[0];

    /** Makes room for rows; what was kept is lost where there was too little. */
    public void reserve(int rows) {
        if (sums.length < rows) {
            sums = new double[rows];
            tops = new float[rows];
            targets = new float[rows];
        }
    }

    /** Begins anew for rows from one on, a multiple of {@value Loss#ROW_QUANTUM} of them. */
    public void begin(int first, int rows) {
        Arrays.fill(sums, first, first + rows, 0);
        Arrays.fill(tops, first, first + rows, Float.NEGATIVE_INFINITY);
    }

    /**
     * Some ids in panels.
     *
     * @param partials what {@link Loss#reducePanel} left of all rows and panels
     * @param offset floats before them
     * @param rows how many rows are scored
     * @param panels how many panels there are
     * @param firstId the first id
     * @param ids how many
     */
    public record Part(
            MemorySegment partials, long offset, int rows, int panels, long firstId, long ids) {
        private long plane() {
            return Loss.paddedRows(rows);
        }
    }

    /**
     * Adds a part for some rows.
     *
     * @param from the first row, a multiple of {@value Loss#ROW_QUANTUM}
     * @param to the row after the last
     * @param targetIds of all rows
     * @param place where row 0 is kept
     */
    public void add(Part part, int from, int to, int[] targetIds, int place) {
        long plane = part.plane();
        for (int row = from; row < to; row += VectorLanes.LENGTH) {
            int at = place + row;
            long first = part.offset() + plane + row;
            FloatVector old = FloatVector.fromArray(VectorLanes.SPECIES, tops, at);
            FloatVector top =
                    VectorLanes.larger(old, Loss.top(part.partials(), first, plane, part.panels()));
            if (old.compare(VectorOperators.NE, top).anyTrue()) {
                raise(top, at);
            }
            Loss.addUp(part.partials(), first, plane, part.panels(), top, sums, at);
        }
        for (int row = from; row < to; row++) {
            if (targetIds[row] >= part.firstId() && targetIds[row] - part.firstId() < part.ids()) {
                targets[place + row] = CheckedFloats.get(part.partials(), part.offset() + row);
            }
        }
    }

    /** Has the sums of a vector's rows count from another shift. */
    private void raise(FloatVector top, int at) {
        for (int lane = 0; lane < VectorLanes.LENGTH; lane++) {
            sums[at + lane] *= StrictMath.exp(tops[at + lane] - top.lane(lane));
        }
        top.intoArray(tops, at);
    }

    /**
     * The losses of some rows, {@code log Σ exp(logits) − logits[target]}, or 0 for an ignored
     * target.
     *
     * @param from the first row
     * @param to the row after the last
     * @param targetIds of all rows
     * @param place where row 0 is kept
     * @param losses gets them
     */
    public void losses(int from, int to, int[] targetIds, int place, double[] losses) {
        for (int row = from; row < to; row++) {
            int at = place + row;
            losses[row] =
                    targetIds[row] == Loss.IGNORED
                            ? 0
                            : StrictMath.log(sums[at]) + tops[at] - targets[at];
        }
    }
}
