package io.millrace.telemetry.track;

import io.millrace.telemetry.EvalMetrics;
import io.millrace.telemetry.StepMetrics;
import java.io.IOException;

/** Whoever follows a run's figures. All calls come from the thread that runs the steps. */
interface Tracker extends AutoCloseable {
    /**
     * A step is done.
     *
     * @throws IOException where its figures cannot be passed on
     */
    void step(StepMetrics metrics) throws IOException;

    /**
     * An evaluation is done.
     *
     * @throws IOException where its figures cannot be passed on
     */
    void evaluation(EvalMetrics metrics) throws IOException;

    /** The run is about to end; {@link #close} follows. */
    default void ended(RunEnd end) {}

    @Override
    void close() throws IOException;
}
