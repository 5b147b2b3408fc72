package io.millrace.telemetry;

import java.util.List;

/**
 * Sees a run as it goes on: exporters and reports are observers. All calls come from the thread
 * that runs the steps; what {@link #visit} and {@link #between} take counts to the step.
 */
public interface StepObserver {
    /** The run has its memory and starts. */
    default void begin(RunFacts facts) {}

    /** A block is about to be computed on; called inside a step, so it must not allocate. */
    default void visit() {}

    /** A step has begun; the spans are those since the last one ended. */
    default void between(SpanLog spans) {}

    /**
     * A step is done and in the journal.
     *
     * @param metrics its figures
     * @param spans its spans, overwritten after the call
     * @param startNs when it began, on the recorder's clock
     * @param endNs when it ended
     */
    void step(StepMetrics metrics, SpanLog spans, long startNs, long endNs);

    /** A step is done, and these are the last figures that the run's workers told. */
    default void workers(List<WorkerMetrics> workers) {}

    /** An evaluation is done. */
    default void evaluation(EvalMetrics metrics) {}
}
