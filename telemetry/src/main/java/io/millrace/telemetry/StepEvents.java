package io.millrace.telemetry;

/** Makes each step an event for JDK Flight Recorder. */
public final class StepEvents implements StepObserver {
    private StepEvent current = StepEvent.start();

    /** An observer for one run. */
    public StepEvents() {}

    @Override
    public void between(SpanLog spans) {
        current = StepEvent.start();
    }

    @Override
    public void step(StepMetrics metrics, SpanLog spans, long startNs, long endNs) {
        current.stop();
        current.finish(metrics);
    }
}
