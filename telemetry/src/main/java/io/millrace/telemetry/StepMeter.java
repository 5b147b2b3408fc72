package io.millrace.telemetry;

/**
 * Cuts a recorder's spans into step windows. Between {@link #end} and the next {@link #begin} (an
 * evaluation, a checkpoint) spans belong to no step. Called from the step thread only.
 */
public final class StepMeter {
    private final SpanRecorder recorder;
    private final SpanLog spans;
    private final OverlapMeter overlap = new OverlapMeter();
    private long startNs;
    private long endNs;
    private long droppedBefore;

    /** A meter that drains a recorder, which nothing else may drain. */
    public StepMeter(SpanRecorder recorder) {
        this.recorder = recorder;
        spans = recorder.newLog();
    }

    /** Begins a step now; {@link #spans} then holds what ran since the last step. */
    public void begin() {
        startNs = recorder.now();
        endNs = startNs;
        drain();
        droppedBefore = recorder.dropped();
    }

    /** Ends the step now and measures it; {@link #spans} then holds its spans. */
    public StepOverlap end() {
        endNs = recorder.now();
        drain();
        return overlap.measure(spans, startNs, endNs);
    }

    private void drain() {
        spans.clear();
        recorder.drain(endNs, spans);
    }

    /** The spans of the last {@link #begin} or {@link #end}; the next of either overwrites them. */
    public SpanLog spans() {
        return spans;
    }

    /** When the step began. */
    public long startNs() {
        return startNs;
    }

    /** When the step ended. */
    public long endNs() {
        return endNs;
    }

    /** Spans dropped since the step began; more than 0 means that its figures are too low. */
    public long droppedSpans() {
        return recorder.dropped() - droppedBefore;
    }
}
