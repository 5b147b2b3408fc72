package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.RunStart;
import io.millrace.executor.listen.StepProgress;
import io.millrace.executor.run.RunSummary;
import io.millrace.executor.spread.PeersInProcess;
import io.millrace.executor.spread.PeersInProcess.End;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What worker 0 shows of all: figures at one address, and one timeline. */
class SpreadFiguresTest {
    private static final int WORKERS = 3;
    private static final int STEPS = 5;

    @TempDir Path temp;

    /** Reads what worker 0 serves when four steps are done. */
    private static final class Reader implements RunListener {
        private URI address;
        private String served = "";

        @Override
        public void onStart(RunStart start) {
            String line = start.resolved();
            address = URI.create(line.substring(line.indexOf("http://")));
        }

        @Override
        public void onStep(StepProgress step) {
            if (step.step() == STEPS - 1) {
                try (var in = address.toURL().openStream()) {
                    served = new String(in.readAllBytes(), StandardCharsets.UTF_8);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        }
    }

    @Test
    void areThoseOfEveryWorker() throws IOException {
        Path data = Runs.data(temp, 92, 10);
        Reader reader = new Reader();
        List<End<RunSummary>> ends =
                PeersInProcess.run(
                        WORKERS,
                        peers -> {
                            int rank = peers.rank();
                            TuneConfigBuilder run =
                                    Runs.config("llama", data, temp.resolve("worker-" + rank))
                                            .steps(STEPS)
                                            .trace(temp.resolve("trace-" + rank));
                            return TuningRun.run(
                                    rank == 0 ? run.metricsPort(0).build() : run.build(),
                                    rank == 0 ? reader : RunListener.SILENT,
                                    peers);
                        });
        assertThat(ends).allMatch(end -> end.failure() == null);

        // A worker's step is told with the next one's losses.
        for (int rank = 0; rank < WORKERS; rank++) {
            assertThat(reader.served)
                    .contains("millrace_worker_step{worker=\"" + rank + "\"} " + (STEPS - 2))
                    .containsPattern(
                            "millrace_worker_step_seconds\\{worker=\"" + rank + "\"} \\S*[1-9]")
                    .contains("millrace_worker_wait_seconds{worker=\"" + rank + "\"} ")
                    .containsPattern(
                            "millrace_worker_lane_busy_seconds_total\\{lane=\"compute\",worker=\""
                                    + rank
                                    + "\"} \\S*[1-9]");
        }

        List<JsonObject> events = events(temp.resolve("trace-0"));
        assertThat(
                        events.stream()
                                .filter(event -> event.string("name").equals("process_name"))
                                .map(event -> event.object("args").string("name")))
                .satisfiesExactly(
                        name -> assertThat(name).isEqualTo("worker 0"),
                        name -> assertThat(name).startsWith("worker 1, within "),
                        name -> assertThat(name).startsWith("worker 2, within "));
        List<List<JsonObject>> steps =
                IntStream.rangeClosed(1, WORKERS).mapToObj(rank -> steps(events, rank)).toList();
        assertThat(steps).allMatch(own -> own.size() == STEPS);
        for (int step = 0; step < STEPS; step++) {
            for (int rank = 1; rank < WORKERS; rank++) {
                // All hear the losses of a step together, so that their steps overlap.
                JsonObject one = steps.getFirst().get(step);
                JsonObject other = steps.get(rank).get(step);
                assertThat(one.number("ts")).isLessThan(other.number("ts") + other.number("dur"));
                assertThat(other.number("ts")).isLessThan(one.number("ts") + one.number("dur"));
            }
        }
    }

    private static List<JsonObject> events(Path trace) throws IOException {
        List<JsonObject> events = new ArrayList<>();
        for (Object event : Json.parseObject(Files.readString(trace)).array("traceEvents")) {
            events.add(JsonObject.of((Map<?, ?>) event));
        }
        return events;
    }

    private static List<JsonObject> steps(List<JsonObject> events, int process) {
        return events.stream()
                .filter(event -> event.integer("pid") == process)
                .filter(event -> event.string("name").startsWith("step "))
                .toList();
    }
}
