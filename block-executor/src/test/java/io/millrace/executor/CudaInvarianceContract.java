package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.cuda.weight.Fp8Operands;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.DType;
import io.millrace.memory.Ledger;
import io.millrace.memory.Matmul;
import io.millrace.memory.device.CudaDevice;
import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceName;
import io.millrace.memory.device.DeviceOptions;
import io.millrace.memory.device.Devices;
import io.millrace.model.Checkpoint;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.optim.Rounding;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.Journal;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.journal.JournalWriter;
import io.millrace.optim.random.SplitMix64;
import io.millrace.optim.update.Hizoo;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongFunction;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Budgets and placements on a CUDA device decide where bytes lie, and never what they are. */
abstract class CudaInvarianceContract {
    @TempDir Path temp;

    @Tag("long")
    @ParameterizedTest
    @CsvSource({
        // model, dtype, products, rounding, folds every, loss bound, directions, optimizer
        "llama, bfloat16, native, nearest, 1, 5e-3, gaussian, mezo-sgd",
        "opt, float32, fp8, stochastic, 2, 5e-2, low-rank, lozo-m",
        "gpt2, float16, native, stochastic, 2, 2e-3, rademacher, mezo-sgd",
        "opt, float32, native, nearest, 1, 2e-5, gaussian, mezo-sgd",
        "opt, float32, tf32, nearest, 1, 2e-3, gaussian, mezo-sgd",
        "llama, bfloat16, fp8, nearest, 1, 5e-2, gaussian, mezo-sgd",
        "opt, float32, native, nearest, 2, 2e-5, low-rank, mezo-sgd",
        "opt, float32, tf32, nearest, 2, 2e-3, low-rank, mezo-sgd",
        "llama, bfloat16, native, stochastic, 2, 5e-3, low-rank, lozo-m",
        "gpt2, float16, native, nearest, 1, 2e-3, low-rank, lozo-m"
    })
    void everyPlacementMakesTheSameBytes(
            String kind,
            String dtype,
            String matmul,
            String rounding,
            int foldEvery,
            double lossBound,
            String perturbation,
            String optimizer)
            throws IOException {
        assumeTrue(multiplies(matmul), "fp8 products need a card of 8.9 or newer");
        everyPlacementMakesTheSameBytes(
                kind,
                dtype,
                lossBound,
                (run, memory) ->
                        run.foldEvery(foldEvery)
                                .rounding(Rounding.named(rounding))
                                .perturbation(perturbation)
                                .window(2)
                                .optimizer(optimizer)
                                .matmul(matmul(matmul, memory)));
    }

    /** Directions that are no z of every element, or of which several are asked in one product. */
    @Tag("long")
    @ParameterizedTest
    @CsvSource({
        "opt, float32, 2e-5, subspace, stochastic",
        "llama, bfloat16, 5e-3, subspace, nearest",
        "gpt2, float16, 2e-3, tezo, stochastic",
        "llama, bfloat16, 5e-3, magnitude, stochastic",
        "opt, float32, 2e-5, random, nearest",
        "llama, bfloat16, 5e-3, hizoo, nearest"
    })
    void everyPlacementMakesTheSameBytesAlongOtherDirections(
            String kind, String dtype, double lossBound, String direction, String rounding)
            throws IOException {
        everyPlacementMakesTheSameBytes(
                kind,
                dtype,
                lossBound,
                (run, _) -> along(direction, run.rounding(Rounding.named(rounding))));
    }

    private static TuneConfigBuilder along(String direction, TuneConfigBuilder run) {
        return switch (direction) {
            case "magnitude", "random" -> run.mask(direction).foldEvery(2);
            case "hizoo" ->
                    run.optimizer("hizoo")
                            .estimator("three-point")
                            .queries(1)
                            .method(Hizoo.SMOOTH, 1e-6)
                            .mask("magnitude");
            default -> run.perturbation(direction).rank(5).window(2).queries(3).lr(1e-6);
        };
    }

    /** What is changed of a run that is given a memory. */
    private interface Change {
        TuneConfigBuilder of(TuneConfigBuilder run, MemoryConfig memory);
    }

    private void everyPlacementMakesTheSameBytes(
            String kind, String dtype, double lossBound, Change change) throws IOException {
        Path model = deepModel(kind, dtype);
        Path data = Runs.data(temp, 31, 10);
        Configurer configurer =
                (name, memory) ->
                        change.of(
                                Runs.config(model, data, temp.resolve(name))
                                        .steps(5)
                                        .memory(memory),
                                memory);
        Runner runner =
                (name, memory) ->
                        TuningRun.run(
                                        configurer.configure(name, memory).build(),
                                        RunListener.SILENT)
                                .out();
        Map<String, byte[]> expected = Runs.result(runner.run("on-device", CudaRuns.onDevice()));
        long device =
                smallest(budget -> CudaRuns.memory(0, budget, 2, true), runner)
                        + 2 * largestBlockBytes(model);
        assertSame(runner.run("small-device", CudaRuns.memory(0, device, 2, true)), expected);
        long host =
                smallest(budget -> CudaRuns.memory(budget, device, 2, true), runner)
                        + largestBlockBytes(model);
        assertSame(runner.run("three-tiers", CudaRuns.memory(host, device, 2, true)), expected);
        assertSame(runner.run("serial", CudaRuns.memory(host, device, 1, false)), expected);
        TuneConfigBuilder stopped =
                configurer.configure("resumed", CudaRuns.memory(host, device, 2, true));
        assertThat(TuningRun.run(stopped.build(), Runs.stopAfter(3)).interrupted()).isTrue();
        TuneConfigBuilder goesOn = configurer.configure("resumed", CudaRuns.onDevice());
        TuningRun.run(goesOn.resume(true).build(), RunListener.SILENT);
        assertSame(temp.resolve("resumed"), expected);
        Path onCpu = runner.run("on-cpu", MemoryConfig.DEFAULT);
        assertLossesNear(onCpu, temp.resolve("on-device"), lossBound);
    }

    private static boolean multiplies(String matmul) {
        if (!matmul.equals("fp8")) {
            return true;
        }
        try (Device card =
                Devices.open(DeviceName.cuda(0), Ledger.unlimited(), DeviceOptions.defaults())) {
            return ((CudaDevice) card).facts().computeCapability() >= Fp8Operands.CAPABILITY;
        }
    }

    /** What cards alone compute on, processors are asked for in full. */
    private static Matmul matmul(String name, MemoryConfig memory) {
        return memory.device().equals(DeviceName.cuda(0))
                ? Matmul.valueOf(name.toUpperCase(Locale.ROOT))
                : Matmul.NATIVE;
    }

    @Tag("long")
    @Test
    void withinAWindowBlocksAreOnlyRead() throws IOException {
        Path model = deepModel("llama", "bfloat16");
        Path data = Runs.data(temp, 31, 10);
        Runner runner =
                (name, memory) ->
                        TuningRun.run(
                                        Runs.config(model, data, temp.resolve(name))
                                                .steps(7)
                                                .perturbation("low-rank")
                                                .window(3)
                                                .memory(memory)
                                                .build(),
                                        RunListener.SILENT)
                                .out();
        long device =
                smallest(budget -> CudaRuns.memory(0, budget, 2, true), runner)
                        + 2 * largestBlockBytes(model);
        Path out = runner.run("small-device", CudaRuns.memory(0, device, 2, true));
        // A slow run says in lines of their own when steps became durable.
        List<String> lines =
                Files.readAllLines(out.resolve("metrics.jsonl")).stream()
                        .filter(line -> line.contains("\"lanes\""))
                        .toList();
        assertThat(lines).hasSize(7);
        long[] back = new long[8];
        for (String line : lines) {
            JsonObject fields = Json.parseObject(line);
            int step = (int) fields.integer("step");
            JsonObject lanes = fields.object("lanes");
            assertThat(lanes.object("h2d").integer("bytes")).as("step %d", step).isPositive();
            back[step] = lanes.object("d2h").integer("bytes");
        }
        // The step after a window's last folds it; what it computed last may go back in the next.
        assertThat(List.of(back[1], back[2], back[3], back[6])).containsOnly(0L);
        assertThat(back[4]).isPositive();
        assertThat(back[4] + back[5]).as("each block once").isLessThanOrEqualTo(blockBytes(model));
        assertThat(back[7]).isPositive();
    }

    @Test
    void aWayToCatchUpMakesTheSameBytes() throws IOException {
        aLongWayToCatchUpIsCutAndMakesTheSameBytes(402, "stochastic", 4);
    }

    @Tag("long")
    @ParameterizedTest
    @CsvSource("5000, nearest, 1")
    void aLongWayToCatchUpIsCutAndMakesTheSameBytes(int pending, String rounding, int foldEvery)
            throws IOException {
        Path model = deepModel("llama", "bfloat16");
        Path data = Runs.data(temp, 31, 10);
        Configurer configurer =
                (name, memory) ->
                        Runs.config(model, data, temp.resolve(name))
                                .steps(pending + 1)
                                .queries(1)
                                .foldEvery(foldEvery)
                                .rounding(Rounding.named(rounding))
                                .perturbation("rademacher")
                                .memory(memory);
        Runner runner =
                (name, memory) ->
                        TuningRun.run(configurer.configure(name, memory).build(), Runs.stopAfter(1))
                                .out();
        Path out = temp.resolve("long");
        runner.run("long", CudaRuns.onDevice());
        prolong(out.resolve("journal.jsonl"), pending);
        long device = smallest(budget -> CudaRuns.memory(0, budget, 2, true), runner);
        TuneConfigBuilder goesOn =
                configurer.configure("long", CudaRuns.memory(0, device, 2, true)).resume(true);
        TuningRun.run(goesOn.build(), RunListener.SILENT);
        Path replayed = temp.resolve("replayed");
        assertThat(Replay.run(model, out.resolve("journal.jsonl"), replayed).steps())
                .isEqualTo(pending + 1);
        assertThat(out.resolve("model.safetensors"))
                .hasSameBinaryContentAs(replayed.resolve("model.safetensors"));
    }

    /** As if the run had gone on: steps like its first one. */
    private static void prolong(Path journal, long last) {
        Journal read = JournalReader.read(journal);
        StepRecord first = read.records().getFirst();
        try (JournalWriter writer = JournalWriter.resume(journal, read)) {
            for (long step = read.lastStep() + 1; step <= last; step++) {
                long seed = SplitMix64.output(read.header().runSeed(), step);
                double slope = Math.sin((double) step);
                writer.append(
                        StepRecord.twoSided(
                                step,
                                seed,
                                first.lr(),
                                first.eps(),
                                first.weightDecay(),
                                List.of(QueryResult.twoSided(seed, 2, 1, slope))));
            }
        }
    }

    private interface Configurer {
        TuneConfigBuilder configure(String name, MemoryConfig memory);
    }

    private interface Runner {
        Path run(String name, MemoryConfig memory);
    }

    /** What a run with next to nothing is told, until it works. */
    private static long smallest(LongFunction<MemoryConfig> memory, Runner runner) {
        return Runs.smallestThatWorks(
                budget -> runner.run("smallest-" + System.nanoTime(), memory.apply(budget)));
    }

    private static void assertSame(Path out, Map<String, byte[]> expected) throws IOException {
        Map<String, byte[]> actual = Runs.result(out);
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        expected.forEach((name, bytes) ->
                assertThat(Arrays.mismatch(actual.get(name), bytes))
                        .as("first byte of %s that differs in %s", name, out.getFileName())
                        .isEqualTo(-1));
    }

    private static void assertLossesNear(Path cpu, Path cuda, double bound) {
        List<StepRecord> expected = JournalReader.read(cpu.resolve("journal.jsonl")).records();
        List<StepRecord> actual = JournalReader.read(cuda.resolve("journal.jsonl")).records();
        assertThat(actual).hasSameSizeAs(expected);
        for (int step = 0; step < actual.size(); step++) {
            for (int query = 0; query < actual.get(step).queries().size(); query++) {
                assertThat(actual.get(step).queries().get(query).losses().get(0))
                        .as("step %d, query %d", step + 1, query)
                        .isEqualTo(
                                expected.get(step).queries().get(query).losses().get(0),
                                within(bound));
            }
        }
    }

    private Path deepModel(String kind, String dtype) throws IOException {
        Map<String, Object> fields =
                new LinkedHashMap<>(Golden.json(kind + "/config.json").fields());
        fields.put(kind.equals("gpt2") ? "n_layer" : "num_hidden_layers", 5L);
        Path folder = temp.resolve("model");
        SyntheticModel.write(
                ModelConfig.of("config.json", new JsonObject(fields)),
                DType.find(dtype).orElseThrow(),
                7,
                folder,
                bytes -> {});
        return folder;
    }

    private static long blockBytes(Path model) {
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            return checkpoint.layout().blocks().stream()
                    .mapToLong(block -> (block.sizeBytes() + 4095) / 4096 * 4096)
                    .sum();
        }
    }

    private static long largestBlockBytes(Path model) {
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            return (checkpoint.layout().largestBlock().sizeBytes() + 4095) / 4096 * 4096;
        }
    }
}
