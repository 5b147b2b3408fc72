package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.cpu.op.Gemm;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.RunStart;
import io.millrace.executor.run.RunSummary;
import io.millrace.memory.BadInputException;
import io.millrace.memory.Matmul;
import io.millrace.memory.nvme.io.FaultPlan;
import io.millrace.model.Checkpoint;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Budgets, tiers and devices decide where bytes lie, and never what they are. */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class TierInvarianceTest {
    @TempDir Path temp;

    private String perturbation = "gaussian";
    private Matmul products = Matmul.NATIVE;

    @ParameterizedTest
    @CsvSource({
        "llama, float32, gaussian, NATIVE",
        "opt, bfloat16, gaussian, NATIVE",
        "llama, bfloat16, low-rank, NATIVE",
        "opt, bfloat16, low-rank, BF16"
    })
    void everyPlacementMakesTheSameBytes(String kind, String dtype, String direction, Matmul matmul)
            throws IOException {
        perturbation = direction;
        products = matmul;
        assumeTrue(matmul == Matmul.NATIVE || Gemm.multipliesBFloat16());
        Path model = deepModel(kind, dtype);
        Path data = Runs.data(temp, 21, 10);
        Map<String, byte[]> expected =
                Runs.result(run(model, data, "resident", MemoryConfig.DEFAULT));
        long weights = weightBytes(model);
        long others = smallestHostBudget(model, data) - largestBlockBytes(model);
        for (int share : new int[] {2, 4, 16}) {
            long slots = Math.max(weights / share, 2 * largestBlockBytes(model));
            MemoryConfig memory = memory("cpu", others + slots, 0, 2, true);
            assertSame(run(model, data, "host-" + share, memory), expected);
        }
        long host = others + 3 * largestBlockBytes(model);
        assertSame(run(model, data, "serial", memory("cpu", host, 0, 2, false)), expected);
        assertSame(run(model, data, "one-ahead", memory("cpu", host, 0, 1, true)), expected);
        assertSame(run(model, data, "emulated", memory("emulated", 0, 0, 2, true)), expected);
        long device = others + 3 * largestBlockBytes(model);
        assertSame(
                run(model, data, "small-device", memory("emulated", 0, device, 2, true)), expected);
        assertSame(
                run(model, data, "three-tiers", memory("emulated", host, device, 2, true)),
                expected);
    }

    @Tag("long")
    @ParameterizedTest
    @CsvSource({
        "llama, bfloat16, gaussian, NATIVE",
        "opt, float32, gaussian, NATIVE",
        "opt, float32, low-rank, NATIVE",
        "llama, float32, gaussian, BF16"
    })
    void everyPlacementMakesTheSameBytesInOtherArithmetic(
            String kind, String dtype, String direction, Matmul matmul) throws IOException {
        everyPlacementMakesTheSameBytes(kind, dtype, direction, matmul);
    }

    @ParameterizedTest
    @ValueSource(strings = {"cpu", "emulated"})
    void aDriveWhoseTimesAndTransfersVaryChangesNothing(String deviceName) throws IOException {
        Path model = deepModel("llama", "bfloat16");
        Path data = Runs.data(temp, 27, 10);
        Map<String, byte[]> expected =
                Runs.result(run(model, data, "resident", MemoryConfig.DEFAULT));
        long host = smallestHostBudget(model, data) + 2 * largestBlockBytes(model);
        long device = deviceName.equals("cpu") ? 0 : host;
        for (int seed = 1; seed <= 3; seed++) {
            System.setProperty(FaultPlan.PROPERTY, "seed=" + seed + ",delay-us=700,short=0.1");
            try {
                MemoryConfig memory = memory(deviceName, host, device, 1 + seed % 2, true);
                assertSame(run(model, data, deviceName + seed, memory), expected);
            } finally {
                System.clearProperty(FaultPlan.PROPERTY);
            }
        }
    }

    @Test
    void theSmallestBudgetThatARefusalNamesWorks() throws IOException {
        Path model = deepModel("llama", "bfloat16");
        Path data = Runs.data(temp, 22, 10);
        byte[] expected =
                Runs.result(run(model, data, "resident", MemoryConfig.DEFAULT))
                        .get("model.safetensors");
        long smallest = smallestHostBudget(model, data);
        Path out = run(model, data, "smallest", memory("cpu", smallest, 0, 2, true));
        assertThat(Runs.result(out).get("model.safetensors")).isEqualTo(expected);
        Path refused = temp.resolve("refused");
        assertThatThrownBy(() ->
                        run(model, data, "refused", memory("cpu", smallest - 4096, 0, 2, true)))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--host-budget");
        assertThat(refused).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource({"gaussian, NATIVE", "low-rank, NATIVE", "low-rank, BF16"})
    void aStreamedRunThatWasStoppedGoesOnToTheSameBytes(String direction, Matmul matmul)
            throws IOException {
        perturbation = direction;
        products = matmul;
        assumeTrue(matmul == Matmul.NATIVE || Gemm.multipliesBFloat16());
        Path model = deepModel("opt", "bfloat16");
        Path data = Runs.data(temp, 23, 10);
        Map<String, byte[]> expected =
                Runs.result(run(model, data, "resident", MemoryConfig.DEFAULT));
        long host = smallestHostBudget(model, data) + largestBlockBytes(model);
        Path out = temp.resolve("stopped");
        TuneConfigBuilder config =
                config(model, data, out).memory(memory("cpu", host, 0, 2, true)).checkpointEvery(2);
        RunSummary stopped = TuningRun.run(config.build(), Runs.stopAfter(3));
        assertThat(stopped.interrupted()).isTrue();
        assertThat(out.resolve("blocks")).isDirectory();
        TuningRun.run(config.resume(true).build(), RunListener.SILENT);
        assertSame(out, expected);
        assertThat(out.resolve("blocks")).doesNotExist();
    }

    @Test
    void lowRankDirectionsWriteEveryBlockOnceAWindowAndNothingInBetween() throws IOException {
        perturbation = "low-rank";
        Path model = deepModel("llama", "bfloat16");
        Path data = Runs.data(temp, 26, 10);
        long host = smallestHostBudget(model, data);
        Path out = run(model, data, "out", memory("cpu", host, 0, 2, true));
        List<Long> written = laneBytes(out, "nvme-write");
        List<Long> read = laneBytes(out, "nvme-read");
        assertThat(read.get(1)).isPositive();
        assertThat(written.subList(0, 2)).containsOnly(0L);
        assertThat(written.get(2) + written.get(3)).isPositive().isLessThanOrEqualTo(read.get(1));
    }

    @Test
    void theRunSaysWhatMovesItsBlocks() throws IOException {
        Path model = deepModel("llama", "float32");
        Path data = Runs.data(temp, 24, 10);
        long host = smallestHostBudget(model, data);
        StringBuilder said = new StringBuilder();
        TuningRun.run(
                config(model, data, temp.resolve("out"))
                        .memory(memory("cpu", host, 0, 2, true))
                        .build(),
                new RunListener() {
                    @Override
                    public void onStart(RunStart start) {
                        said.append(start.resolved());
                    }
                });
        assertThat(said.toString()).contains("device cpu").contains("read a step");
        assertThat(said.toString()).containsAnyOf("io_uring", "pread");
    }

    @Test
    void aTraceHasTheStepsAndTheSpansOfEveryLaneThatMoved() throws IOException {
        Path model = deepModel("llama", "float32");
        Path data = Runs.data(temp, 25, 10);
        MemoryConfig memory = memory("cpu", smallestHostBudget(model, data), 0, 2, true);
        Path trace = temp.resolve("trace.json");
        TuningRun.run(
                config(model, data, temp.resolve("out")).memory(memory).trace(trace).build(),
                RunListener.SILENT);
        List<JsonObject> events =
                Golden.objects(Json.parseObject(Files.readString(trace)).array("traceEvents"));
        Set<String> categories =
                events.stream()
                        .filter(event -> event.string("ph").equals("X"))
                        .map(event -> event.string("cat"))
                        .collect(Collectors.toSet());
        assertThat(categories)
                .containsExactlyInAnyOrder("step", "compute", "nvme-read", "nvme-write");
        assertThat(events.stream().filter(event -> event.string("cat", "").equals("step")))
                .hasSize(4);
    }

    private static List<Long> laneBytes(Path out, String lane) throws IOException {
        List<Long> bytes = new ArrayList<>();
        for (String line : Files.readAllLines(out.resolve("metrics.jsonl"))) {
            JsonObject fields = Json.parseObject(line);
            if (fields.has("lanes")) {
                JsonObject lanes = fields.object("lanes");
                bytes.add(lanes.has(lane) ? lanes.object(lane).integer("bytes") : 0L);
            }
        }
        return bytes;
    }

    private Path run(Path model, Path data, String name, MemoryConfig memory) {
        Path out = temp.resolve(name);
        return TuningRun.run(config(model, data, out).memory(memory).build(), RunListener.SILENT)
                .out();
    }

    private TuneConfigBuilder config(Path model, Path data, Path out) {
        TuneConfigBuilder config =
                Runs.config(model, data, out).steps(4).perturbation(perturbation).matmul(products);
        return perturbation.equals("low-rank") ? config.window(2).optimizer("lozo-m") : config;
    }

    private static MemoryConfig memory(
            String device, long hostBytes, long deviceBytes, int prefetch, boolean overlap) {
        return new MemoryConfig(
                device,
                deviceBytes == 0 ? OptionalLong.empty() : OptionalLong.of(deviceBytes),
                hostBytes == 0 ? OptionalLong.empty() : OptionalLong.of(hostBytes),
                Optional.empty(),
                OptionalLong.empty(),
                prefetch,
                overlap);
    }

    /** What a run with next to nothing is told. */
    private long smallestHostBudget(Path model, Path data) {
        return Runs.smallestBudget(budget ->
                config(model, data, temp.resolve("probe-" + budget))
                        .memory(memory("cpu", budget, 0, 2, true)));
    }

    /** A model of twelve layers with random weights of a golden configuration. */
    private Path deepModel(String kind, String dtype) throws IOException {
        return Runs.deepModel(temp.resolve("model"), kind, dtype);
    }

    private static long weightBytes(Path model) {
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            return checkpoint.layout().sizeBytes();
        }
    }

    private static long largestBlockBytes(Path model) {
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            return (checkpoint.layout().largestBlock().sizeBytes() + 4095) / 4096 * 4096;
        }
    }

    private static void assertSame(Path out, Map<String, byte[]> expected) throws IOException {
        Runs.assertSame(out, expected, out.getFileName().toString());
    }
}
