package io.millrace.executor.cuda;

import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceEvent;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.SpanRecorder;
import java.util.ArrayList;
import java.util.List;

/** When the compute stream worked on each visit of a step, by the device's own events. */
final class EventSpans implements AutoCloseable {
    private final Device device;
    private final SpanRecorder spans;
    private final List<Timed> visits = new ArrayList<>(); // as many as the longest pass had
    private int count; // in the pass

    /** A visit's two ends. */
    private static final class Timed {
        private final DeviceEvent began;
        private final DeviceEvent ended;
        private int block;

        Timed(Device device) {
            began = device.newEvent();
            ended = device.newEvent();
        }
    }

    EventSpans(Device device, SpanRecorder spans) {
        this.device = device;
        this.spans = spans;
    }

    void begin(int visit, int block) {
        if (visit == visits.size()) {
            visits.add(new Timed(device));
        }
        count = visit + 1;
        visits.get(visit).block = block;
        device.compute().record(visits.get(visit).began);
    }

    void end(int visit) {
        device.compute().record(visits.get(visit).ended);
    }

    /** Records the spans of a step that the stream is through with. */
    void report(long step) {
        for (Timed visit : visits.subList(0, count)) {
            long from = visit.began.timeNs();
            long to = Math.max(from, visit.ended.timeNs());
            spans.record(Lane.COMPUTE, visit.block, step, from, to, 0);
        }
    }

    @Override
    public void close() {
        for (Timed visit : visits) {
            visit.began.close();
            visit.ended.close();
        }
    }
}
