package io.millrace.api;

import io.millrace.executor.run.RunSummary;
import java.nio.file.Path;
import java.util.Optional;

/**
 * How a tuning run ended.
 *
 * @param folder of the tuned model, or of the adapter that was tuned beside one
 * @param steps in the journal
 * @param loss the last step's; NaN where there was none
 * @param before the held-out examples before the first step, if there are any and it was this run
 * @param after the same after the last
 * @param interrupted whether the listener ended it, so that {@code resume} goes on
 */
public record Tuned(
        Path folder,
        long steps,
        double loss,
        Optional<Scores> before,
        Optional<Scores> after,
        boolean interrupted) {
    static Tuned of(RunSummary run) {
        return new Tuned(
                run.out(),
                run.stepsDone(),
                run.lastLoss(),
                Optional.ofNullable(run.before()).map(Scores::of),
                Optional.ofNullable(run.after()).map(Scores::of),
                run.interrupted());
    }

    /** The tuned model; with an adapter, the base has to be opened and the adapter named. */
    public Model model() {
        return Model.open(folder);
    }
}
