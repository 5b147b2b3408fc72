package io.millrace.executor.cuda;

import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceEvent;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.SpanRecorder;
import java.util.List;

/** When the compute stream worked on each visit of a step, by the device's own events. */
final class EventSpans implements AutoCloseable {
    private final Device device;
    private final SpanRecorder spans;
    private final List<Integer> visits;
    private final DeviceEvent[] began;
    private final DeviceEvent[] ended;

    EventSpans(Device device, SpanRecorder spans, List<Integer> visits) {
        this.device = device;
        this.spans = spans;
        this.visits = visits;
        began = new DeviceEvent[visits.size()];
        ended = new DeviceEvent[visits.size()];
        for (int visit = 0; visit < began.length; visit++) {
            began[visit] = device.newEvent();
            ended[visit] = device.newEvent();
        }
    }

    void begin(int visit) {
        device.compute().record(began[visit]);
    }

    void end(int visit) {
        device.compute().record(ended[visit]);
    }

    /** Records the spans of a step that the stream is through with. */
    void report(long step) {
        for (int visit = 0; visit < began.length; visit++) {
            long from = began[visit].timeNs();
            long to = Math.max(from, ended[visit].timeNs());
            spans.record(Lane.COMPUTE, visits.get(visit), step, from, to, 0);
        }
    }

    @Override
    public void close() {
        for (int visit = 0; visit < began.length; visit++) {
            began[visit].close();
            ended[visit].close();
        }
    }
}
