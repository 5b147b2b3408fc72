package io.millrace.optim;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * What the updates of a low-rank direction have made of one matrix since its last fold, as {@code
 * decay · θ + L Vᵀ / √r}: the left factor L [m, r], and with momentum also N [m, r]. A pure
 * function of the updates, so it can be moved to any step; moving on from the last one is cheap.
 *
 * <p>Moving goes in legs of at most a window each: {@link #leg} says what to do, any number of
 * {@link FactorKernels} do it for disjoint rows, {@link #complete} ends the leg.
 */
public final class FactorTrack {
    private final LowRankDirection direction;
    private final int foldEvery;
    private final int tensorId;
    private final long rows;
    private final long columns;
    private final MemorySegment left;
    private final Optional<MemorySegment> momentum;
    private long step;
    private double decay = 1;

    /**
     * The track before the first step.
     *
     * @param direction the direction
     * @param foldEvery steps from one fold to the next; divides the direction's window
     * @param tensorId the matrix's index among the sorted trainable names
     * @param rows m
     * @param columns n
     * @param left memory for L
     * @param momentum memory for N, for rules that have momentum
     */
    public FactorTrack(
            LowRankDirection direction,
            int foldEvery,
            int tensorId,
            long rows,
            long columns,
            MemorySegment left,
            Optional<MemorySegment> momentum) {
        if (direction.window() % foldEvery != 0) {
            throw new IllegalArgumentException(
                    "fold every " + foldEvery + " steps of a window of " + direction.window());
        }
        this.direction = direction;
        this.foldEvery = foldEvery;
        this.tensorId = tensorId;
        this.rows = rows;
        this.columns = columns;
        this.left = left;
        this.momentum = momentum;
        restart();
    }

    /** A part of the way: updates of one window, and what its first step does to N before all. */
    public record Leg(List<Update> updates, Optional<float[]> projection) {}

    int tensorId() {
        return tensorId;
    }

    LowRankDirection direction() {
        return direction;
    }

    /** Rows of the matrix. */
    public long rows() {
        return rows;
    }

    /** Columns of the matrix. */
    public long columns() {
        return columns;
    }

    /** L, row-major. */
    public MemorySegment left() {
        return left;
    }

    Optional<MemorySegment> momentum() {
        return momentum;
    }

    /** The last step that the factors hold. */
    public long step() {
        return step;
    }

    /** The factor on the folded weights. */
    public float decay() {
        return (float) decay;
    }

    /** Whether L begins anew with a step. */
    boolean startsPeriod(long nextStep) {
        return (nextStep - 1) % foldEvery == 0;
    }

    /**
     * Makes ready to move to a step: back to the start where it lies behind, and without momentum
     * straight to the last fold before it.
     */
    public void aim(long wanted) {
        if (wanted < step) {
            restart();
        }
        long fold = wanted == 0 ? 0 : (wanted - 1) / foldEvery * foldEvery;
        if (momentum.isEmpty() && step < fold) {
            step = fold;
        }
    }

    /**
     * The next leg.
     *
     * @param updates those of the steps after {@link #step}, at least one
     * @param kernels makes the projection of N where V changes
     */
    public Leg leg(List<Update> updates, FactorKernels kernels) {
        long window = direction.window();
        int count = (int) Math.min(updates.size(), window - step % window);
        boolean projects = momentum.isPresent() && step > 0 && direction.startsWindow(step + 1);
        return new Leg(
                updates.subList(0, count),
                projects
                        ? Optional.of(kernels.projection(direction, step, tensorId, columns))
                        : Optional.empty());
    }

    /** Says that a leg was done for all rows. */
    public void complete(Leg leg) {
        for (Update update : leg.updates()) {
            decay = startsPeriod(update.step()) ? update.decay() : decay * update.decay();
            step = update.step();
        }
    }

    private void restart() {
        step = 0;
        decay = 1;
        left.fill((byte) 0);
        momentum.ifPresent(memory -> memory.fill((byte) 0));
    }
}
