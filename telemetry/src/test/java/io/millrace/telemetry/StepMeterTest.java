package io.millrace.telemetry;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class StepMeterTest {
    private final AtomicLong clock = new AtomicLong(1000);
    private final SpanRecorder recorder = new SpanRecorder(4, clock::get);
    private final StepMeter meter = new StepMeter(recorder);

    @Test
    void splitsASpanThatCrossesAStepsEnd() {
        meter.begin();
        clock.set(1060);
        long token = recorder.begin(Lane.NVME_READ, 0, 2);
        clock.set(1100);
        StepOverlap first = meter.end();
        meter.begin();
        clock.set(1130);
        recorder.end(token, 77);
        clock.set(1200);
        StepOverlap second = meter.end();

        assertThat(first.lanes().get(Lane.NVME_READ)).isEqualTo(new LaneUse(40e-9, 0));
        assertThat(second.lanes().get(Lane.NVME_READ)).isEqualTo(new LaneUse(30e-9, 77));
    }

    @Test
    void leavesWhatRanBetweenStepsToNoStep() {
        meter.begin();
        clock.set(1100);
        meter.end();
        recorder.record(Lane.H2D, 3, 0, 1110, 1120, 50);
        clock.set(1300);
        meter.begin();

        assertThat(meter.spans().size()).isEqualTo(1);
        assertThat(meter.spans().bytes(0)).isEqualTo(50);

        clock.set(1400);
        StepOverlap second = meter.end();

        assertThat(second.seconds()).isEqualTo(100e-9);
        assertThat(second.lanes().get(Lane.H2D)).isEqualTo(new LaneUse(0, 0));
        assertThat(meter.startNs()).isEqualTo(1300);
        assertThat(meter.endNs()).isEqualTo(1400);
    }

    @Test
    void countsDropsOfTheStepAlone() {
        meter.begin();
        for (int i = 0; i < 6; i++) {
            recorder.record(Lane.H2D, i, 1, 1000, 1001, 1);
        }
        clock.set(1100);
        meter.end();
        assertThat(meter.droppedSpans()).isEqualTo(2);

        meter.begin();
        clock.set(1200);
        meter.end();
        assertThat(meter.droppedSpans()).isZero();
    }
}
