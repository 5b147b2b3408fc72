package io.millrace.executor.run;

import java.nio.file.Path;

/**
 * How a tuning run ended.
 *
 * @param out the run's folder
 * @param stepsDone steps in the journal
 * @param lastLoss mean of L+ and L− of the last step, NaN when there was none
 * @param before evaluation before the first step, or null
 * @param after evaluation after the last, or null
 * @param keptStep the step whose weights were saved; below {@code stepsDone} where an earlier one
 *     was the best
 * @param interrupted whether it was asked to stop and can be resumed
 * @param alreadyDone whether an earlier run had done it all, so that nothing was touched
 */
public record RunSummary(
        Path out,
        long stepsDone,
        double lastLoss,
        EvalResult before,
        EvalResult after,
        long keptStep,
        boolean interrupted,
        boolean alreadyDone) {}
