package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.run.RunSummary;
import io.millrace.memory.DType;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.StepMetrics;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import io.millrace.telemetry.report.Profile;
import io.millrace.telemetry.report.ProfileRecorder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a run reports of its lanes, recomputed from its timeline by other means. */
class TraceFiguresTest {
    private static final double MIB = 1 << 20;

    @TempDir Path temp;
    private Path model;
    private Path data;

    @BeforeEach
    void writeModel() throws IOException {
        Map<String, Object> fields = new LinkedHashMap<>(Golden.json("llama/config.json").fields());
        fields.put("num_hidden_layers", 10L);
        fields.put("hidden_size", 192L);
        fields.put("intermediate_size", 512L);
        model = temp.resolve("model");
        SyntheticModel.write(
                ModelConfig.of("config.json", new JsonObject(fields)),
                DType.F32,
                7,
                model,
                bytes -> {});
        data = Runs.data(temp, 31, 10);
    }

    @ParameterizedTest
    @CsvSource({
        "cpu, 14, 0, true",
        "emulated, 6, 12, true",
        "emulated, 6, 12, false",
        "cpu, 0, 0, true"
    })
    void theTimelineGivesTheReportedFigures(
            String device, int hostMib, int deviceMib, boolean overlap) throws IOException {
        Path out = temp.resolve("out");
        Path trace = temp.resolve("trace.json");
        TuningRun.run(
                Runs.config(model, data, out)
                        .memory(memory(device, hostMib, deviceMib, overlap))
                        .trace(trace)
                        .build(),
                RunListener.SILENT);
        List<JsonObject> bars = bars(trace);
        List<JsonObject> steps = bars.stream().filter(bar -> isIn(bar, "step")).toList();
        List<JsonObject> lines =
                Files.readAllLines(out.resolve("metrics.jsonl")).stream()
                        .map(Json::parseObject)
                        .filter(line -> line.has("step_seconds"))
                        .toList();
        assertThat(steps).hasSize(7);
        for (int i = 0; i < steps.size(); i++) {
            Recomputed figures = Recomputed.of(bars, steps.get(i));
            assertAgrees(lines.get(i), figures);
            assertThat(figures.computations).isEqualTo(12); // every visit, and once
        }
        boolean moves = hostMib > 0;
        assertThat(lines.getLast().object("lanes").object("nvme-read").integer("bytes") > 0)
                .isEqualTo(moves);
    }

    @Test
    void theProfileOfARunAddsUpAndLeavesOnlyItsOwnFiles() throws IOException {
        Path out = temp.resolve("rehearsed");
        Path nvme = temp.resolve("nvme");
        MemoryConfig memory =
                new MemoryConfig(
                        "emulated",
                        OptionalLong.of((long) (12 * MIB)),
                        OptionalLong.of((long) (6 * MIB)),
                        Optional.of(nvme),
                        OptionalLong.empty(),
                        2,
                        true);
        try (ProfileRecorder recorder = new ProfileRecorder(2)) {
            RunSummary summary =
                    TuningRun.rehearse(
                            Runs.config(model, data, out).memory(memory).build(),
                            Rehearsal.of(5),
                            RunListener.SILENT,
                            List.of(recorder));
            assertThat(summary.stepsDone()).isEqualTo(5);
            assertAddsUp(recorder.profile());
        }
        assertThat(nvme).isEmptyDirectory(); // the block store is gone
        assertThat(out.resolve("model.safetensors")).doesNotExist();
    }

    private static void assertAddsUp(Profile profile) {
        assertThat(profile.steps())
                .extracting(step -> step.metrics().step())
                .containsExactly(3L, 4L, 5L);
        for (Profile.Step step : profile.steps()) {
            StepMetrics metrics = step.metrics();
            double computed = metrics.overlap().lanes().get(Lane.COMPUTE).busySeconds();
            assertThat(computed + step.waits().totalSeconds())
                    .isCloseTo(metrics.overlap().seconds(), within(1e-9));
        }
        long streamed = profile.streamedBytes();
        assertThat(streamed).isPositive();
        assertThat(profile.meanUse(Lane.NVME_READ).bytes()).isBetween(streamed / 2, streamed * 2);
        assertThat(profile.memory().size()).isGreaterThan(5 * 12);
        double[] peaks = new double[] {12 * MIB, 6 * MIB};
        for (int kind = 0; kind < peaks.length; kind++) {
            assertThat((double) profile.peakBytes()[kind]).isBetween(1.0, peaks[kind]);
            assertThat(profile.memory().bytes(kind, 3)).isPositive();
        }
    }

    private static void assertAgrees(JsonObject line, Recomputed figures) {
        assertThat(figures.seconds).isCloseTo(line.number("step_seconds"), within(1e-8));
        double tolerance = 0.01 * line.number("step_seconds");
        for (Lane lane : Lane.values()) {
            JsonObject reported = line.object("lanes").object(lane.label());
            assertThat(figures.lanes.getOrDefault(lane.label(), 0.0))
                    .as(lane.label())
                    .isCloseTo(reported.number("busy_seconds"), within(tolerance));
        }
        assertThat(figures.exposed)
                .isCloseTo(line.number("exposed_transfer_seconds"), within(tolerance));
        double hidden = figures.transfer == 0 ? 1 : 1 - figures.exposed / figures.transfer;
        assertThat(hidden).isCloseTo(line.number("hidden_transfer"), within(0.01));
        double compute = figures.lanes.getOrDefault("compute", 0.0) / figures.seconds;
        assertThat(compute).isCloseTo(line.number("compute_utilisation"), within(0.01));
        double most =
                figures.lanes.values().stream().mapToDouble(Double::doubleValue).max().orElse(0);
        assertThat(most / figures.seconds)
                .isCloseTo(line.number("pipeline_efficiency"), within(0.01));
    }

    private static MemoryConfig memory(String device, int host, int own, boolean overlap) {
        return new MemoryConfig(
                device,
                own == 0 ? OptionalLong.empty() : OptionalLong.of((long) (own * MIB)),
                host == 0 ? OptionalLong.empty() : OptionalLong.of((long) (host * MIB)),
                Optional.empty(),
                OptionalLong.empty(),
                2,
                overlap);
    }

    private static List<JsonObject> bars(Path trace) throws IOException {
        return Golden.objects(Json.parseObject(Files.readString(trace)).array("traceEvents"))
                .stream()
                .filter(event -> event.string("ph").equals("X"))
                .toList();
    }

    private static boolean isIn(JsonObject bar, String category) {
        return bar.string("cat").equals(category);
    }

    /**
     * A step's figures by cutting its window at every edge and asking for each piece what is busy.
     */
    private static final class Recomputed {
        private final double seconds;
        private final Map<String, Double> lanes = new LinkedHashMap<>();
        private double transfer;
        private double exposed;
        private int computations;

        private Recomputed(double seconds) {
            this.seconds = seconds;
        }

        static Recomputed of(List<JsonObject> bars, JsonObject step) {
            double from = step.number("ts");
            double until = from + step.number("dur");
            Recomputed figures = new Recomputed((until - from) / 1e6);
            List<JsonObject> within = new ArrayList<>();
            TreeSet<Double> edges = new TreeSet<>(List.of(from, until));
            for (JsonObject bar : bars) {
                double start = bar.number("ts");
                double end = start + bar.number("dur");
                if (!isIn(bar, "step") && start < until && end > from) {
                    within.add(bar);
                    figures.computations += isIn(bar, "compute") ? 1 : 0;
                    edges.add(Math.max(from, start));
                    edges.add(Math.min(until, end));
                }
            }
            Double before = null;
            for (double edge : edges) {
                if (before != null) {
                    figures.add(within, (before + edge) / 2, (edge - before) / 1e6);
                }
                before = edge;
            }
            return figures;
        }

        private void add(List<JsonObject> bars, double middle, double length) {
            TreeSet<String> busyLanes = new TreeSet<>();
            for (JsonObject bar : bars) {
                double start = bar.number("ts");
                if (start <= middle && middle <= start + bar.number("dur")) {
                    busyLanes.add(bar.string("cat"));
                }
            }
            busyLanes.forEach(lane -> lanes.merge(lane, length, Double::sum));
            boolean computes = busyLanes.remove("compute");
            if (!busyLanes.isEmpty()) {
                transfer += length;
                exposed += computes ? 0 : length;
            }
        }
    }
}
