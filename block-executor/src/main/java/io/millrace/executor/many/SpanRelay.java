package io.millrace.executor.many;

import io.millrace.telemetry.SpanLog;
import io.millrace.telemetry.SpanRecorder;
import java.util.List;

/**
 * Tells every run what the passes did that it shared: what moved and what computed, for whichever
 * of them.
 */
final class SpanRelay implements Runnable {
    private final SpanRecorder from;
    private final SpanLog spans;
    private final List<SpanRecorder> to;

    /**
     * A relay.
     *
     * @param from what the passes are recorded in
     * @param to the runs' own
     */
    SpanRelay(SpanRecorder from, List<SpanRecorder> to) {
        this.from = from;
        this.to = List.copyOf(to);
        spans = from.newLog();
    }

    @Override
    public void run() {
        spans.clear();
        from.drain(from.now(), spans);
        for (int i = 0; i < spans.size(); i++) {
            if (spans.complete(i)) {
                for (SpanRecorder run : to) {
                    run.record(
                            spans.lane(i),
                            spans.block(i),
                            spans.step(i),
                            spans.startNs(i),
                            spans.endNs(i),
                            spans.bytes(i));
                }
            }
        }
    }
}
