package io.millrace.executor;

import io.millrace.model.WeightScan;
import java.util.Optional;

/**
 * The beginning of a run, done for what it shows: its folder gets a journal and metrics, its blocks
 * are written back as ever, but no model is saved and the block store is removed.
 *
 * @param steps steps to take; the run's own number of steps still decides its schedule
 * @param heldOut most examples at the end of the training data that are held out and evaluated
 *     before and after; 0 evaluates nothing
 * @param base what a scan of the base weights found, where they have been scanned already; they are
 *     then not scanned again
 */
public record Rehearsal(long steps, int heldOut, Optional<WeightScan> base) {
    /** Checks the steps and the examples. */
    public Rehearsal {
        if (steps < 1 || heldOut < 0) {
            throw new IllegalArgumentException(
                    "a rehearsal of " + steps + " steps and " + heldOut + " examples");
        }
    }

    /** The steps alone. */
    public static Rehearsal of(long steps) {
        return new Rehearsal(steps, 0, Optional.empty());
    }
}
