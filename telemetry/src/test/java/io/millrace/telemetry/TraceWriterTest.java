package io.millrace.telemetry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TraceWriterTest {
    private static final long ORIGIN = 1L << 60; // where a double no longer holds a nanosecond

    @TempDir Path folder;
    private final SpanLog spans = new SpanLog(8);

    @Test
    void writesATrackALaneAndSpansInMicroseconds() throws IOException {
        spans.add(Lane.H2D, 3, 2, ORIGIN + 1_234_567, ORIGIN + 1_334_568, 4096);
        spans.addInFlight(Lane.H2D, 4, 2, ORIGIN, ORIGIN + 5);

        List<JsonObject> events = trace();

        Map<Long, String> tracks = tracks(events);
        assertThat(tracks.values())
                .containsExactlyInAnyOrder(
                        "step", "nvme-read", "h2d", "h2d 2", "compute", "d2h", "nvme-write");
        List<JsonObject> bars = bars(events);
        assertThat(bars).hasSize(3);
        assertThat(bars.get(2).string("name")).isEqualTo("block 4"); // in flight to the end
        assertThat(bars.get(2).number("dur")).isEqualTo(0.005);
        assertThat(bars.get(0).string("name")).isEqualTo("step 2");
        JsonObject bar = bars.get(1);
        assertThat(bar.string("name")).isEqualTo("block 3");
        assertThat(tracks.get(bar.integer("tid"))).isEqualTo("h2d");
        assertThat(bar.number("ts")).isEqualTo(1234.567);
        assertThat(bar.number("dur")).isEqualTo(100.001);
        assertThat(bar.object("args").integer("block")).isEqualTo(3);
        assertThat(bar.object("args").integer("step")).isEqualTo(2);
        assertThat(bar.object("args").integer("bytes")).isEqualTo(4096);
    }

    @Test
    void givesSpansThatOverlapTracksOfTheirOwn() throws IOException {
        spans.add(Lane.NVME_READ, 0, 1, ORIGIN, ORIGIN + 10, 1);
        spans.add(Lane.NVME_READ, 1, 1, ORIGIN + 5, ORIGIN + 15, 1);
        spans.add(Lane.NVME_READ, 2, 1, ORIGIN + 10, ORIGIN + 20, 1);

        List<JsonObject> events = trace();

        Map<Long, String> tracks = tracks(events);
        assertThat(bars(events).stream().skip(1).map(bar -> tracks.get(bar.integer("tid"))))
                .containsExactly("nvme-read", "nvme-read 2", "nvme-read");
    }

    @Test
    void drawsWhatBeganBeforeTheOrigin() throws IOException {
        spans.add(Lane.COMPUTE, 0, 1, ORIGIN - 1, ORIGIN + 1, 0);

        assertThat(bars(trace()).get(1).number("ts")).isEqualTo(-0.001);
    }

    @Test
    void isWholeJsonWithoutAnySpan() throws IOException {
        Path file = folder.resolve("trace.json");
        new TraceWriter(file, ORIGIN).close();

        assertThat(Json.parseObject(Files.readString(file)).array("traceEvents")).isNotEmpty();
    }

    @Test
    void takesInTheEventsOfAnotherProcess() throws IOException {
        Path other = folder.resolve("other.json");
        try (TraceWriter writer = new TraceWriter(other, ORIGIN, 2, "the other")) {
            for (int step = 1; step <= 100; step++) {
                writer.writeStep(step, ORIGIN + step, ORIGIN + step + 1);
            }
        }
        Path file = folder.resolve("trace.json");
        try (TraceWriter writer = new TraceWriter(file, ORIGIN, 1, "the one")) {
            writer.include(TraceWriter.events(other, Integer.MAX_VALUE));
            writer.include("");
            writer.writeStep(1, ORIGIN, ORIGIN + 1);
        }
        assertThat(steps(file, 2)).isEqualTo(100);
        assertThat(steps(file, 1)).isEqualTo(1);

        int half = TraceWriter.events(other, Integer.MAX_VALUE).length() / 2;
        try (TraceWriter writer = new TraceWriter(file, ORIGIN, 1, "the one")) {
            writer.include(TraceWriter.events(other, half));
        }
        assertThat(steps(file, 2)).isBetween(30L, 60L);
    }

    private static long steps(Path file, long process) throws IOException {
        return Json.parseObject(Files.readString(file)).array("traceEvents").stream()
                .map(event -> JsonObject.of((Map<?, ?>) event))
                .filter(event -> event.integer("pid") == process)
                .filter(event -> event.string("name").startsWith("step "))
                .count();
    }

    @Test
    void failsOnAFullDisk() {
        TraceWriter writer = new TraceWriter(Path.of("/dev/full"), ORIGIN);

        assertThatExceptionOfType(UncheckedIOException.class)
                .isThrownBy(writer::close)
                .withMessageContaining("/dev/full");
    }

    private List<JsonObject> trace() throws IOException {
        Path file = folder.resolve("trace.json");
        try (TraceWriter writer = new TraceWriter(file, ORIGIN)) {
            writer.writeStep(2, ORIGIN, ORIGIN + 2_000_000);
            writer.write(spans);
        }
        List<JsonObject> events = new ArrayList<>();
        for (Object event : Json.parseObject(Files.readString(file)).array("traceEvents")) {
            events.add(JsonObject.of((Map<?, ?>) event));
        }
        return events;
    }

    private static List<JsonObject> bars(List<JsonObject> events) {
        return events.stream().filter(event -> event.string("ph").equals("X")).toList();
    }

    private static Map<Long, String> tracks(List<JsonObject> events) {
        Map<Long, String> tracks = new HashMap<>();
        for (JsonObject event : events) {
            if (event.string("name").equals("thread_name")) {
                tracks.put(event.integer("tid"), event.object("args").string("name"));
            }
        }
        return tracks;
    }
}
