package io.millrace.optim.update;

import io.millrace.optim.direction.FactoredDirection;
import java.util.List;

/**
 * How the thin factors that updates of a run with thin factors make come to a step: which updates,
 * in which order, and where they begin anew. What holds the factors, and what computes them, is
 * another's.
 *
 * <p>Moving goes in legs of at most a window each: {@link #aim} once, then {@link #leg} and {@link
 * #complete} until {@link #step} is where it should be.
 */
public final class FactorSchedule {
    private final FactoredDirection direction;
    private final int foldEvery;
    private final boolean momentum;
    private long step;
    private Decay decay = Decay.NONE;

    /**
     * Before the first step.
     *
     * @param direction the direction
     * @param foldEvery steps from one fold to the next; divides the direction's window
     * @param momentum whether N is kept, which goes on over folds
     */
    public FactorSchedule(FactoredDirection direction, int foldEvery, boolean momentum) {
        if (direction.window() % foldEvery != 0) {
            throw new IllegalArgumentException(
                    "fold every " + foldEvery + " steps of a window of " + direction.window());
        }
        this.direction = direction;
        this.foldEvery = foldEvery;
        this.momentum = momentum;
    }

    /**
     * A part of the way.
     *
     * @param updates of one window, at least one
     * @param turns whether N is turned to another V before all of them
     */
    public record Leg(List<Update> updates, boolean turns) {}

    /** The last step that the factors hold. */
    public long step() {
        return step;
    }

    /** What the updates since the last fold make of the folded weights of a matrix. */
    public Decay decay() {
        return decay;
    }

    /** Whether L begins anew with a step. */
    public boolean startsPeriod(long nextStep) {
        return (nextStep - 1) % foldEvery == 0;
    }

    /**
     * Makes ready to move to a step: back to the start where it lies behind, and without momentum
     * straight to the last fold before it.
     *
     * @return whether all begins anew from the first step
     */
    public boolean aim(long wanted) {
        boolean restarts = wanted < step;
        if (restarts) {
            step = 0;
            decay = Decay.NONE;
        }
        long fold = wanted == 0 ? 0 : (wanted - 1) / foldEvery * foldEvery;
        if (!momentum && step < fold) {
            step = fold;
        }
        return restarts;
    }

    /** The next leg, of the updates of the steps after {@link #step}, at least one. */
    public Leg leg(List<Update> updates) {
        long window = direction.window();
        int count = (int) Math.min(updates.size(), window - step % window);
        boolean turns =
                momentum && step > 0 && direction.windowOf(step + 1) != direction.windowOf(step);
        return new Leg(updates.subList(0, count), turns);
    }

    /** Says that a leg was done for all that the factors hold. */
    public void complete(Leg leg) {
        for (Update update : leg.updates()) {
            Decay before = startsPeriod(update.step()) ? Decay.NONE : decay;
            decay = update.decay().after(before);
            step = update.step();
        }
    }
}
