package io.millrace.telemetry;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FlightRecorderEventsTest {
    @TempDir Path folder;

    @Test
    void recordsVisitsAndStepsWhileARecordingRuns() throws IOException {
        Path file = folder.resolve("run.jfr");
        try (Recording recording = new Recording()) {
            recording.enable("io.millrace.BlockVisit").withoutThreshold();
            recording.enable("io.millrace.Step").withoutThreshold();
            recording.start();
            SpanRecorder recorder = new SpanRecorder();
            StepEvents steps = new StepEvents();
            SpanLog log = recorder.newLog();
            steps.between(log);
            recorder.end(recorder.begin(Lane.COMPUTE, 5, 7), 123);
            StepOverlap overlap = StepOverlap.of(log, 0, 1_000_000_000);
            steps.step(
                    new StepMetrics(7, 1.5, 0.1, 1e-6, 64, overlap, OperatorUse.NONE, 0),
                    log,
                    0,
                    1_000_000_000);
            recording.stop();
            recording.dump(file);
        }

        List<RecordedEvent> events = RecordingFile.readAllEvents(file);

        assertThat(events)
                .filteredOn(
                        event -> event.getEventType().getName().equals("io.millrace.BlockVisit"))
                .singleElement()
                .satisfies(event -> {
                    assertThat(event.getString("lane")).isEqualTo("compute");
                    assertThat(event.getInt("block")).isEqualTo(5);
                    assertThat(event.getLong("step")).isEqualTo(7);
                    assertThat(event.getLong("bytes")).isEqualTo(123);
                });
        assertThat(events)
                .filteredOn(event -> event.getEventType().getName().equals("io.millrace.Step"))
                .singleElement()
                .satisfies(event -> {
                    assertThat(event.getLong("step")).isEqualTo(7);
                    assertThat(event.getDouble("loss")).isEqualTo(1.5);
                    assertThat(event.getDouble("tokensPerSecond")).isEqualTo(64);
                    assertThat(event.getString("boundLane")).isEqualTo("compute");
                });
    }

    @Test
    void allocatesNothingWhereNoRecordingRuns() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        visit(1000);

        long before = threads.getCurrentThreadAllocatedBytes();
        visit(10_000);
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;

        assertThat(allocated).isLessThan(4096);
    }

    private static void visit(int times) {
        for (int block = 0; block < times; block++) {
            BlockVisitEvent.start(Lane.COMPUTE, block, 1).finish(0);
        }
    }
}
