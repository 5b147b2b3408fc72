package io.millrace.api;

/** Who watches a tuning run, and may end it. All calls come from the thread that runs it. */
public interface TuneListener {
    /** One that hears nothing. */
    TuneListener SILENT = new TuneListener() {};

    /**
     * A step is done, and in the journal.
     *
     * @param step from 1
     * @param steps of the whole run
     * @param loss the step's loss
     * @param seconds that it took
     */
    default void onStep(long step, long steps, double loss, double seconds) {}

    /**
     * The held-out examples were looked at.
     *
     * @param step steps done before it
     * @param loss mean over the scored tokens
     * @param accuracy share of right answers; NaN where the task has none
     */
    default void onEvaluation(long step, double loss, double accuracy) {}

    /** Asked before every step; true ends the run, which {@code resume} goes on with. */
    default boolean stops() {
        return false;
    }
}
