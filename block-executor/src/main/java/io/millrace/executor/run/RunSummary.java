package io.millrace.executor.run;

import io.millrace.optim.estimate.StepRecord;
import java.nio.file.Path;
import java.util.List;

/**
 * How a tuning run ended.
 *
 * @param out the run's folder
 * @param stepsDone steps in the journal
 * @param lastLoss the last step's loss, or other objective, NaN when there was none
 * @param flatSteps steps in the journal whose every slope was 0, so that they learned nothing
 * @param before evaluation before the first step, or null
 * @param after evaluation after the last, or null
 * @param keptStep the step whose weights were saved; below {@code stepsDone} where an earlier one
 *     was the best
 * @param end what ended it
 */
public record RunSummary(
        Path out,
        long stepsDone,
        double lastLoss,
        long flatSteps,
        EvalResult before,
        EvalResult after,
        long keptStep,
        End end) {
    /** What ends a run. */
    public enum End {
        /** Its last step. */
        DONE,
        /** Evaluations that were no better than the best for long enough. */
        PATIENCE,
        /** Its time. */
        TIME,
        /** It was asked to stop, and can be resumed. */
        INTERRUPTED,
        /** An earlier run had done it all: nothing was touched. */
        ALREADY_DONE
    }

    /** Whether it was asked to stop and can be resumed. */
    public boolean interrupted() {
        return end == End.INTERRUPTED;
    }

    /** Whether an earlier run had done it all, so that nothing was touched. */
    public boolean alreadyDone() {
        return end == End.ALREADY_DONE;
    }

    /** The option that ended it before its last step, or null. */
    public String endedBy() {
        return switch (end) {
            case PATIENCE -> "patience";
            case TIME -> "max-time";
            case DONE, INTERRUPTED, ALREADY_DONE -> null;
        };
    }

    /** How many steps learned nothing. */
    static long flat(List<StepRecord> records) {
        return records.stream().filter(StepRecord::isFlat).count();
    }
}
