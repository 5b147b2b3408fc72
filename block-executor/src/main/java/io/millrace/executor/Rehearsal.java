package io.millrace.executor;

/**
 * The beginning of a run, done for what it shows: its folder gets a journal and metrics, its blocks
 * are written back as ever, but no model is saved and the block store is removed.
 *
 * @param steps steps to take; the run's own number of steps still decides its schedule
 * @param evaluates whether held-out examples are evaluated before and after
 */
public record Rehearsal(long steps, boolean evaluates) {
    /** Checks the steps. */
    public Rehearsal {
        if (steps < 1) {
            throw new IllegalArgumentException("a rehearsal of " + steps + " steps");
        }
    }
}
