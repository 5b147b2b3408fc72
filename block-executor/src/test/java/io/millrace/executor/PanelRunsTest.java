package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.panels.PanelledArchitecture;
import io.millrace.memory.DType;
import io.millrace.memory.StateSlot;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.optim.Rounding;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Runs of models whose vocabulary comes in panels: the same bytes wherever they lie, and the
 * weights of a run in one panel.
 */
class PanelRunsTest {
    private static final int TILES_END = 128; // of the vocabulary of 320 that models here have

    private final long seed = Long.getLong("test.seed", System.nanoTime());
    private final SplittableRandom random = new SplittableRandom(seed);

    @TempDir Path temp;

    static Stream<Arguments> methods() {
        return Stream.of(
                method("opt", "mezo, stochastic", run -> run.rounding(Rounding.STOCHASTIC)),
                method("llama", "zo-adam", run -> run.optimizer("zo-adam")),
                method("llama", "mezo, rows alone", run -> run.rounding(Rounding.STOCHASTIC)),
                method("qwen2", "momentum", run -> run.optimizer("zo-momentum")));
    }

    static Stream<Arguments> moreMethods() {
        return Stream.of(
                method("llama", "mezo", run -> run),
                method(
                        "opt",
                        "folded seldom",
                        run -> run.foldEvery(3).rounding(Rounding.STOCHASTIC)),
                method("opt", "lezo", run -> run.blocks("random")),
                method(
                        "qwen2",
                        "hizoo",
                        run -> run.optimizer("hizoo").estimator("three-point").queries(1)),
                method("opt", "sparse-mezo", run -> run.mask("magnitude")),
                method("llama", "all but the tables", run -> run.tune("!*embed_tokens*,!lm_head*")),
                method("llama", "head alone", run -> run.tune("lm_head.weight")),
                method("llama", "embedding alone", run -> run.tune("*embed_tokens*")),
                method("qwen2", "low-rank", run -> run.perturbation("low-rank").window(3)),
                method(
                        "llama",
                        "low-rank of layers",
                        run ->
                                run.perturbation("low-rank")
                                        .window(3)
                                        .tune("!*embed_tokens*,!lm_head*")));
    }

    private static Arguments method(String kind, String name, MethodRuns.Method change) {
        return Arguments.of(kind, name, change);
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("methods")
    void makesTheSameBytesEverywhere(String kind, String name, MethodRuns.Method method)
            throws IOException {
        check(kind, method);
    }

    @Tag("long")
    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("moreMethods")
    void soDoMore(String kind, String name, MethodRuns.Method method) throws IOException {
        check(kind, method);
    }

    private void check(String kind, MethodRuns.Method method) throws IOException {
        Path model = Runs.model(temp.resolve("model"), kind, "BF16", 2, 64, 96);
        Path data = Runs.data(temp, 77, 10);
        int rows = 40 + random.nextInt(200);
        Path cut = PanelledArchitecture.copy(model, temp.resolve("cut-model"), rows);
        MethodRuns runs = new MethodRuns(temp, cut, data);
        runs.checkCut(method, runs.check(method));
    }

    /** What is drawn for an element, and how it is rounded, counts from the table's beginning. */
    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("methods")
    void tunesToTheWeightsOfOnePanel(String kind, String name, MethodRuns.Method method)
            throws IOException {
        Path model = Runs.model(temp.resolve("model"), kind, "BF16", 2, 64, 96);
        Path data = Runs.data(temp, 77, 10);
        Path cut = PanelledArchitecture.copy(model, temp.resolve("cut-model"), TILES_END);
        Path one = Files.createDirectory(temp.resolve("one"));
        Path other = Files.createDirectory(temp.resolve("other"));
        Path whole = new MethodRuns(one, model, data).run("out", method, MemoryConfig.DEFAULT);
        Path panels = new MethodRuns(other, cut, data).run("out", method, MemoryConfig.DEFAULT);
        for (String file : List.of("model.safetensors", "adapter_model.safetensors")) {
            if (Files.exists(whole.resolve(file))) {
                assertThat(Files.mismatch(whole.resolve(file), panels.resolve(file)))
                        .as(file)
                        .isEqualTo(-1);
            }
        }
        assertThat(losses(panels)).isEqualTo(losses(whole));
    }

    private static List<String> losses(Path out) throws IOException {
        List<String> lines = Files.readAllLines(out.resolve("journal.jsonl"));
        return lines.subList(1, lines.size());
    }

    @ParameterizedTest
    @ValueSource(strings = {"lora", "prefix", "norms"})
    void whatIsTrainedBesideTablesIsTheSame(String tune) throws IOException {
        Path model = Runs.model(temp.resolve("model"), "opt", "BF16", 2, 64, 96);
        Path data = Runs.data(temp, 77, 10);
        Path cut = PanelledArchitecture.copy(model, temp.resolve("cut"), TILES_END);
        MethodRuns.Method method = run -> run.tune(tune).steps(3);
        Path one = Files.createDirectory(temp.resolve("one"));
        Path whole = new MethodRuns(one, model, data).run("out", method, MemoryConfig.DEFAULT);
        MethodRuns runs = new MethodRuns(temp, cut, data);
        Path memory = runs.run("memory", method, MemoryConfig.DEFAULT);
        assertThat(losses(memory)).isEqualTo(losses(whole));
        long least =
                Runs.smallestBudget(budget ->
                        runs.config("probe" + budget, method, Runs.host(DeviceName.CPU, budget)));
        Path streamed = runs.run("streamed", method, Runs.host(DeviceName.CPU, least));
        Runs.assertSame(streamed, Runs.result(memory), tune);
    }

    /** Nine tenths of the model are its tables. */
    @Test
    void aLayerSaysHowMuchMemoryIsNeededAtLeast() throws IOException {
        Map<String, Object> fields = new LinkedHashMap<>(Golden.json("llama/config.json").fields());
        fields.put("vocab_size", 16_384L);
        Path model = temp.resolve("model");
        SyntheticModel.write(
                ModelConfig.of("config.json", new JsonObject(fields)),
                DType.BF16,
                7,
                model,
                bytes -> {});
        Path data = Runs.data(temp, 77, 10);
        Path cut = PanelledArchitecture.copy(model, temp.resolve("cut-model"), 1024);
        // Of a rule with states rows are not read alone: every panel is visited.
        MethodRuns.Method method = run -> run.steps(3).queries(1).optimizer("zo-momentum");
        List<StateSlot.Kind> states = List.of(new StateSlot.Kind("m", DType.F32));
        long whole = least(model, data, "whole", method);
        long panels = least(cut, data, "panels", method);
        try (Checkpoint checkpoint = Checkpoint.open(cut)) {
            ModelLayout layout = checkpoint.layout().withStates(states);
            ModelLayout inPanels = checkpoint.layout().inPanels(checkpoint.program());
            long table = layout.block(0).sizeBytes();
            long layer = layout.block(1).sizeBytes();
            assertThat(inPanels.withStates(states).largestBlock().sizeBytes())
                    .isLessThanOrEqualTo(Math.max(layer, table / 16 + 4096));
            assertThat(panels).isLessThan(whole - table * 7 / 8 + layer);
            assertEachPanelComesOnceAStep(temp.resolve("panels/probe" + panels), layout);
        }
    }

    /** Embedding and head are apart here: every block comes once. */
    private static void assertEachPanelComesOnceAStep(Path out, ModelLayout layout)
            throws IOException {
        List<Long> read = MixtureRunsTest.read(out);
        assertThat(read).hasSize(3);
        // What is read at the turn of two steps may count as either's: together they are sure.
        assertThat(read.stream().mapToLong(Long::longValue).sum())
                .as("%s of %d bytes", read, layout.sizeBytes())
                .isBetween(2 * layout.sizeBytes(), 3 * layout.sizeBytes() + (1 << 20));
    }

    private long least(Path model, Path data, String name, MethodRuns.Method method)
            throws IOException {
        MethodRuns runs = new MethodRuns(Files.createDirectory(temp.resolve(name)), model, data);
        return Runs.smallestBudget(
                budget -> runs.config("probe" + budget, method, Runs.host(DeviceName.CPU, budget)));
    }
}
