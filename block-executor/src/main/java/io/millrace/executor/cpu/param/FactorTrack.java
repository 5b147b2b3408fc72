package io.millrace.executor.cpu.param;

import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.random.GaussianStream;
import io.millrace.optim.random.StreamIds;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.FactorSchedule;
import io.millrace.optim.update.Update;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * What the updates of a run with thin factors have made of one tensor since its last fold. With a
 * low-rank direction a matrix is {@code θ + decay + L Vᵀ / √r} with the left factor L [m, r], and
 * with momentum there is N [m, r] too; any other tensor is θ + L, L as long as itself. A pure
 * function of the updates, so it can be moved to any step; moving on from the last one is cheap.
 *
 * <p>Moving goes in legs of at most a window each: {@link #leg} says what to do, any number of
 * {@link FactorKernels} do it for disjoint rows, {@link #complete} ends the leg.
 */
public final class FactorTrack {
    private final FactoredDirection direction;
    private final FactorSchedule schedule;
    private final int tensorId;
    private final long rows;
    private final long columns;
    private final boolean matrix;
    private final int width;
    private final long trackRows;
    private final MemorySegment left;
    private final Optional<MemorySegment> momentum;

    private FactorTrack(
            FactoredDirection direction,
            int foldEvery,
            int tensorId,
            long rows,
            long columns,
            boolean matrix,
            MemorySegment left,
            Optional<MemorySegment> momentum) {
        this.direction = direction;
        schedule = new FactorSchedule(direction, foldEvery, momentum.isPresent());
        this.tensorId = tensorId;
        this.rows = rows;
        this.columns = columns;
        this.matrix = matrix;
        width = matrix ? direction.rank(rows, columns) : 1;
        trackRows = matrix ? direction.core().floats(rows, columns, width) / width : rows;
        this.left = left;
        this.momentum = momentum;
        clear();
    }

    /**
     * The track of a matrix before the first step.
     *
     * @param direction the direction
     * @param foldEvery steps from one fold to the next; divides the direction's window
     * @param tensorId the matrix's index among the sorted trainable names
     * @param rows m
     * @param columns n
     * @param left memory for L
     * @param momentum memory for N, for rules that have momentum
     */
    public static FactorTrack ofMatrix(
            FactoredDirection direction,
            int foldEvery,
            int tensorId,
            long rows,
            long columns,
            MemorySegment left,
            Optional<MemorySegment> momentum) {
        return new FactorTrack(direction, foldEvery, tensorId, rows, columns, true, left, momentum);
    }

    /**
     * The track of a tensor that takes dense directions, before the first step.
     *
     * @param direction the direction of the run's matrices
     * @param foldEvery steps from one fold to the next; divides the direction's window
     * @param tensorId the tensor's index among the sorted trainable names
     * @param elements how many it has
     * @param sums memory for L
     */
    public static FactorTrack ofVector(
            FactoredDirection direction,
            int foldEvery,
            int tensorId,
            long elements,
            MemorySegment sums) {
        return new FactorTrack(
                direction, foldEvery, tensorId, elements, 1, false, sums, Optional.empty());
    }

    /**
     * A part of the way.
     *
     * @param part updates of one window
     * @param projection what its first step does to N before all
     * @param orthogonal what Newton–Schulz has made of the estimate, where the update of the leg,
     *     then its only one, moves along that
     */
    public record Leg(
            FactorSchedule.Leg part,
            Optional<float[]> projection,
            Optional<MemorySegment> orthogonal) {
        List<Update> updates() {
            return part.updates();
        }
    }

    int tensorId() {
        return tensorId;
    }

    FactoredDirection direction() {
        return direction;
    }

    /** What makes its directions. */
    public NewtonSchulz.Source source() {
        return new NewtonSchulz.Source(direction, tensorId);
    }

    /** The rank of a matrix's factors. */
    public int rank() {
        return width;
    }

    /** Floats of a row of what is gathered. */
    int width() {
        return width;
    }

    /** Rows of what is gathered: those that {@link FactorKernels#advance} moves. */
    public long trackRows() {
        return trackRows;
    }

    /** κ of the matrix. */
    float scale() {
        return direction.scale(rows, columns);
    }

    /** Rows of the matrix, or elements of another tensor. */
    public long rows() {
        return rows;
    }

    /** Columns of the matrix. */
    public long columns() {
        return columns;
    }

    /** The left side of a matrix as a fold adds it, or as queries see it. */
    public LeftSide side(
            boolean withGathered,
            Optional<MemorySegment> fixed,
            Optional<MemorySegment> cores,
            List<Query> queries) {
        return LeftSide.of(this, withGathered, fixed, cores, queries);
    }

    /** What is gathered, row-major: L, or as large as another core. */
    public MemorySegment left() {
        return left;
    }

    Optional<MemorySegment> momentum() {
        return momentum;
    }

    /** The last step that the factors hold. */
    public long step() {
        return schedule.step();
    }

    /** What the updates since the last fold make of the folded weights of a matrix. */
    public Decay decay() {
        return schedule.decay();
    }

    /** Whether an update's decay counts. */
    boolean decays() {
        return matrix;
    }

    /** Whether L begins anew with a step. */
    boolean startsPeriod(long nextStep) {
        return schedule.startsPeriod(nextStep);
    }

    /** Consecutive elements of what an update's term multiplies. */
    void fill(long seed, long firstElement, float[] values, int count) {
        if (matrix) {
            direction.fillCore(seed, tensorId, firstElement, values, 0, count);
        } else {
            GaussianStream.fill(StreamIds.DENSE_Z, seed, tensorId, firstElement, values, 0, count);
        }
    }

    /**
     * Makes ready to move to a step: back to the start where it lies behind, and without momentum
     * straight to the last fold before it.
     */
    public void aim(long wanted) {
        if (schedule.aim(wanted)) {
            clear();
        }
    }

    /**
     * The next leg.
     *
     * @param updates those of the steps after {@link #step}, at least one
     * @param kernels makes the projection of N where V changes
     */
    public Leg leg(List<Update> updates, FactorKernels kernels) {
        FactorSchedule.Leg part = schedule.leg(updates);
        return new Leg(
                part,
                part.turns()
                        ? Optional.of(kernels.projection(direction, step(), tensorId, columns))
                        : Optional.empty(),
                Optional.empty());
    }

    /** Whether an update moves a matrix along what Newton–Schulz makes of its slopes. */
    public boolean isOrthogonal(Update update) {
        return matrix && update.orthogonal().isPresent();
    }

    /** The leg of one such update. */
    public Leg orthogonalLeg(Update update, MemorySegment orthogonal) {
        FactorSchedule.Leg part = schedule.leg(List.of(update));
        return new Leg(part, Optional.empty(), Optional.of(orthogonal));
    }

    /** Says that a leg was done for all rows. */
    public void complete(Leg leg) {
        schedule.complete(leg.part());
    }

    private void clear() {
        left.fill((byte) 0);
        momentum.ifPresent(memory -> memory.fill((byte) 0));
    }
}
