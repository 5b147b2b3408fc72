package io.millrace.optim.estimate;

/**
 * Steps that are taken apart from the others: on data and with a rate of their own, and from
 * weights at which later steps ask again until the next of them. Those weights are what is stored,
 * so that updates are folded just before.
 *
 * @param every steps from one to the next, 2 or more; the first step of a run is one
 * @param rows of the data, from its beginning; all where there are fewer
 * @param lr their learning rate
 */
public record Anchors(int every, int rows, double lr) {
    /** Checks the numbers. */
    public Anchors {
        if (every < 2 || rows < 1) {
            throw new IllegalArgumentException(rows + " rows every " + every + " steps");
        }
    }

    /** Whether a step is one, counted from 1. */
    public boolean isAt(long step) {
        return (step - 1) % every == 0;
    }
}
