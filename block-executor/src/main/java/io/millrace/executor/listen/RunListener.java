package io.millrace.executor.listen;

import io.millrace.prefetch.plan.Machine;
import java.nio.file.Path;
import java.util.Optional;

/** Who watches a run, and may ask it to stop. All calls come from the thread that runs it. */
public interface RunListener {
    /** A listener that hears nothing and never stops the run. */
    RunListener SILENT = new RunListener() {};

    /**
     * The machine as it was probed, if it was: with it a run says beforehand how long its steps
     * will take, and chooses what was left open.
     *
     * @param folder on the drive that the run uses
     */
    default Optional<Machine> machine(Path folder) {
        return Optional.empty();
    }

    /** What the run chose where nothing was told, and what it expects of its steps; one line. */
    default void onPlan(String line) {}

    /** The run has checked its input and starts. */
    default void onStart(RunStart start) {}

    /** A step is in the journal. */
    default void onStep(StepProgress progress) {}

    /**
     * An evaluation is done.
     *
     * @param step steps done before it, 0 for the base model
     * @param loss mean cross-entropy over the labelled tokens
     * @param accuracy share of right answers, NaN where the task has none
     */
    default void onEval(long step, double loss, double accuracy) {}

    /**
     * Asked after every step; true has the run evaluated then, beside the evaluations that it makes
     * anyway.
     */
    default boolean evaluationRequested() {
        return false;
    }

    /** Asked after every step; true ends the run as an interruption that can be resumed. */
    default boolean stopRequested() {
        return false;
    }
}
