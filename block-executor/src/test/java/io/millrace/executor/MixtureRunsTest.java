package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceName;
import io.millrace.memory.host.HostMemory;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.optim.Rounding;
import io.millrace.optim.estimate.Estimators;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Runs of mixtures of experts, many of which no token of a step chooses: these do not move, and
 * take their updates when they come next, with the same bytes.
 */
class MixtureRunsTest {
    private static final int EXPERTS = 40;

    @TempDir Path temp;

    static Stream<Arguments> methods() {
        return Stream.of(
                method("mezo, stochastic", run -> run.rounding(Rounding.STOCHASTIC)),
                method("lezo of zo-adam", run -> run.blocks("random").optimizer("zo-adam")));
    }

    static Stream<Arguments> moreMethods() {
        return Stream.of(
                method("lozo-m", run -> run.perturbation("low-rank").window(3).optimizer("lozo-m")),
                method("experts alone", run -> run.tune("*.experts.*")),
                method(
                        "mezo, stochastic, folded seldom",
                        run -> run.rounding(Rounding.STOCHASTIC).foldEvery(3)),
                method(
                        "fzoo",
                        run ->
                                run.estimator("one-sided")
                                        .method(Estimators.NORMALIZE, true)
                                        .perturbation("rademacher")
                                        .queries(4)),
                method(
                        "svrg",
                        run ->
                                run.estimator("svrg")
                                        .method(Estimators.ANCHOR_EVERY, 3)
                                        .method(Estimators.ANCHOR_BATCH, 6)),
                method("hizoo", run -> run.optimizer("hizoo").estimator("three-point").queries(1)),
                method("sparse-mezo", run -> run.mask("magnitude")),
                method("subspace", run -> run.perturbation("subspace").rank(5).window(4)),
                method("routers alone", run -> run.tune("*.gate.weight")));
    }

    private static Arguments method(String name, MethodRuns.Method change) {
        return Arguments.of(name, change);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("methods")
    void makesTheSameBytesEverywhere(String name, MethodRuns.Method method) throws IOException {
        check(method);
    }

    @Tag("long")
    @ParameterizedTest(name = "{0}")
    @MethodSource("moreMethods")
    void soDoMore(String name, MethodRuns.Method method) throws IOException {
        check(method);
    }

    private void check(MethodRuns.Method method) throws IOException {
        Path model = model(temp.resolve("model"), DType.BF16);
        MethodRuns runs = new MethodRuns(temp, model, Runs.data(temp, 77, 10));
        runs.checkCut(method, runs.check(method));
        assertThat(read(temp.resolve("streamed"))).anyMatch(bytes -> bytes > 0);
    }

    /** Two layers of three have experts, of which a token takes one. */
    static Path model(Path folder, DType dtype) {
        return model(folder, dtype, 3);
    }

    /** The same of more layers, of which the second alone has none. */
    static Path model(Path folder, DType dtype, long layers) {
        Map<String, Object> fields = new LinkedHashMap<>(Golden.json("qwen3/config.json").fields());
        fields.put("model_type", "qwen3_moe");
        fields.put("hidden_size", 96L);
        fields.put("intermediate_size", 64L);
        fields.put("num_hidden_layers", layers);
        fields.put("num_experts", (long) EXPERTS);
        fields.put("num_experts_per_tok", 1L);
        fields.put("moe_intermediate_size", 128L);
        fields.put("mlp_only_layers", List.of(1L));
        ModelConfig config = ModelConfig.of("config.json", new JsonObject(fields));
        SyntheticModel.write(config, dtype, 7, folder, bytes -> {});
        return folder;
    }

    /** Experts are only read then, and a run that sees few of them reads few. */
    @ParameterizedTest
    @ValueSource(strings = {"lora", "prefix"})
    void adaptersStandBesideExperts(String kind) throws IOException {
        Path model = model(temp.resolve("model"), DType.BF16);
        MethodRuns runs = new MethodRuns(temp, model, Runs.data(temp, 77, 10));
        MethodRuns.Method method = run -> run.tune(kind).steps(3);
        Path memory = runs.run("memory", method, MemoryConfig.DEFAULT);
        long least =
                Runs.smallestBudget(budget ->
                        runs.config("probe" + budget, method, Runs.host(DeviceName.CPU, budget)));
        Path streamed = runs.run("streamed", method, Runs.host(DeviceName.CPU, least));
        Runs.assertSame(streamed, Runs.result(memory), kind);
        assertThat(read(streamed)).anyMatch(bytes -> bytes > 0);
    }

    /**
     * Every token takes experts 3 and 17 of both layers, whatever its direction: a step reads their
     * bytes, and no other expert's.
     */
    @Test
    void expertsThatNobodyChoseDoNotMove() throws IOException {
        Path drawn = model(temp.resolve("drawn"), DType.F32);
        Path model = temp.resolve("model");
        steer(drawn, model, 3, 17);
        Path data = Runs.data(temp, 77, 10);
        MethodRuns runs = new MethodRuns(temp, model, data);
        MethodRuns.Method method = run -> run.weightDecay(0.01).lr(1e-6);
        Map<String, byte[]> expected =
                Runs.result(runs.run("memory", method, MemoryConfig.DEFAULT));

        long least =
                Runs.smallestBudget(budget ->
                        runs.config("probe" + budget, method, Runs.host(DeviceName.CPU, budget)));
        TuneConfigBuilder config =
                runs.config("streamed", method, Runs.host(DeviceName.CPU, least));
        Path out = TuningRun.run(config.build(), RunListener.SILENT).out();

        Runs.assertSame(out, expected, "streamed");
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            ModelLayout layout = checkpoint.layout();
            long trunk = bytes(layout, layout.visits());
            long all = bytes(layout, layout.order());
            long chosen = trunk;
            for (List<Integer> experts : layout.experts()) {
                if (!experts.isEmpty()) {
                    chosen += bytes(layout, List.of(experts.get(3), experts.get(17)));
                }
            }
            List<Long> read = read(out);
            assertThat(read).hasSize(7);
            // What is read at the turn of two steps may count as either's: together they are sure.
            assertThat(read.stream().mapToLong(Long::longValue).sum())
                    .as("%s of %d bytes, %d without experts", read, all, trunk)
                    .isBetween(read.size() * trunk / 2, read.size() * chosen);
            assertThat(all).isGreaterThan(4 * chosen);
        }
    }

    /**
     * Each chosen expert is changed while it is there; others are those of the model, to the bit.
     */
    @ParameterizedTest
    @ValueSource(strings = {"lomo", "adamw"})
    void gradientsChangeTheExpertsThatTokensChoseAndNoOthers(String rule) throws IOException {
        Path drawn = model(temp.resolve("drawn"), DType.F32);
        Path model = temp.resolve("model");
        steer(drawn, model, 3, 17);
        MethodRuns runs = new MethodRuns(temp, model, Runs.data(temp, 77, 10));
        MethodRuns.Method method = run -> run.optimizer(rule).lr(1e-3).weightDecay(0.01).steps(4);
        Path memory = runs.run("memory", method, MemoryConfig.DEFAULT);
        long least =
                Runs.smallestBudget(budget ->
                        runs.config("probe" + budget, method, Runs.host(DeviceName.CPU, budget)));

        Path streamed = runs.run("streamed", method, Runs.host(DeviceName.CPU, least));

        Runs.assertSame(streamed, Runs.result(memory), rule);
        assertThat(read(streamed)).anyMatch(bytes -> bytes > 0);
        try (SafetensorsFile before = SafetensorsFile.open(model.resolve("model.safetensors"));
                SafetensorsFile after =
                        SafetensorsFile.open(streamed.resolve("model.safetensors"))) {
            for (String name : before.tensors().keySet()) {
                // Of two alike the first is taken, until the router's gradient parts them.
                if (name.contains(".experts.") && !name.contains(".experts.17.")) {
                    assertThat(Arrays.equals(before.readFloats(name), after.readFloats(name)))
                            .as(name)
                            .isEqualTo(!name.contains(".experts.3."));
                }
            }
        }
    }

    private static long bytes(ModelLayout layout, List<Integer> blocks) {
        return blocks.stream()
                .mapToLong(block -> HostMemory.pageBytes(layout.block(block).sizeBytes()))
                .sum();
    }

    /** Bytes read in each step. */
    static List<Long> read(Path out) throws IOException {
        List<Long> read = new ArrayList<>();
        for (String line : Files.readAllLines(out.resolve("metrics.jsonl"))) {
            JsonObject fields = Json.parseObject(line);
            if (fields.has("lanes")) {
                read.add(fields.object("lanes").object("nvme-read").integer("bytes"));
            }
        }
        return read;
    }

    /** All embeddings point one way, and so do the rows of two experts in each router. */
    private static void steer(Path from, Path to, int... experts) throws IOException {
        Files.createDirectory(to);
        Files.copy(from.resolve("config.json"), to.resolve("config.json"));
        try (SafetensorsFile drawn = SafetensorsFile.open(from.resolve("model.safetensors"))) {
            List<SafetensorsWriter.Entry> entries = new ArrayList<>();
            drawn.tensors()
                    .forEach((name, info) ->
                            entries.add(
                                    new SafetensorsWriter.Entry(name, DType.F32, info.shape())));
            try (SafetensorsWriter writer =
                    SafetensorsWriter.create(
                            to.resolve("model.safetensors"),
                            SafetensorsWriter.PT_METADATA,
                            entries)) {
                for (SafetensorsWriter.Entry entry : entries) {
                    float[] values = drawn.readFloats(entry.name());
                    if (entry.name().endsWith("embed_tokens.weight")) {
                        for (int i = 0; i < values.length; i++) {
                            values[i] += 3;
                        }
                    } else if (entry.name().endsWith("mlp.gate.weight")) {
                        int width = values.length / EXPERTS;
                        Arrays.fill(values, -1);
                        for (int expert : experts) {
                            Arrays.fill(values, expert * width, (expert + 1) * width, 1);
                        }
                    }
                    writer.write(entry.name(), values);
                }
                writer.commit();
            }
        }
    }
}
