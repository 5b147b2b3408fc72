package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.panels.PanelledArchitecture;
import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.optim.Rounding;
import io.millrace.optim.estimate.Estimators;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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

/**
 * Runs that train a table of which steps read the rows that they look up: these hold what they have
 * missed, and the weights are those of a table in one block.
 */
class RowsFoldLaterTest {
    private static final int ROWS = 16_384; // nine tenths of the model are its tables
    private static final int PANEL = 4096;
    private static final int HIDDEN = 64;

    @TempDir Path temp;

    static Stream<Arguments> methods() {
        return Stream.of(
                method("folded seldom", run -> run.foldEvery(3).rounding(Rounding.STOCHASTIC)),
                method("mezo-adam", run -> run.optimizer("mezo-adam")),
                method("lezo", run -> run.blocks("random")),
                method("masked by magnitude", run -> run.mask("magnitude")),
                method(
                        "fzoo",
                        run ->
                                run.estimator("one-sided")
                                        .method(Estimators.NORMALIZE, true)
                                        .perturbation("rademacher")
                                        .queries(6)));
    }

    static Stream<Arguments> moreMethods() {
        return Stream.of(
                method(
                        "svrg",
                        run ->
                                run.estimator("svrg")
                                        .method(Estimators.ANCHOR_EVERY, 3)
                                        .method(Estimators.ANCHOR_BATCH, 6)),
                method("conservative", run -> run.estimator("conservative").queries(1)),
                method(
                        "mirrored population",
                        run -> run.estimator("population").method(Estimators.MIRRORED, true)),
                method("zo-sign", run -> run.optimizer("zo-sign")),
                method("masked by chance", run -> run.mask("random")),
                method("embedding alone", run -> run.tune("*embed_tokens*")));
    }

    private static Arguments method(String name, MethodRuns.Method change) {
        return Arguments.of(name, change);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("methods")
    void tunesToTheWeightsOfOneBlock(String name, MethodRuns.Method method) throws IOException {
        check(method);
    }

    @Tag("long")
    @ParameterizedTest(name = "{0}")
    @MethodSource("moreMethods")
    void soDoMore(String name, MethodRuns.Method method) throws IOException {
        check(method);
    }

    private void check(MethodRuns.Method method) throws IOException {
        Path model = model();
        Path data = Runs.data(temp, 77, 10);
        Path whole = runs("one", model, data).run("out", method, MemoryConfig.DEFAULT);
        MethodRuns alone = runs("other", cut(model), data);
        assertSameModel(alone.run("out", method, MemoryConfig.DEFAULT), whole);
        long least = least(alone, method);
        assertSameModel(alone.run("streamed", method, Runs.host(DeviceName.CPU, least)), whole);
    }

    /** Each panel has its turn in a run of so many steps, before the end of it and after. */
    @Test
    void panelsTakeTurnsAcrossAKill() throws IOException {
        Path model = model();
        Path data = Runs.data(temp, 77, 10);
        MethodRuns.Method method = run -> run.steps(40).queries(1).rounding(Rounding.STOCHASTIC);
        Path whole = runs("one", model, data).run("out", method, MemoryConfig.DEFAULT);
        MethodRuns alone = runs("other", cut(model), data);
        long least = least(alone, run -> method.apply(run).steps(2));
        TuneConfigBuilder cut = alone.config("cut", method, Runs.host(DeviceName.CPU, least));
        assertThatThrownBy(() -> TuningRun.run(cut.build(), Runs.cutAfter(25)))
                .isInstanceOf(Runs.Cut.class);
        TuneConfigBuilder goesOn = alone.config("cut", method, Runs.host(DeviceName.CPU, least));
        assertSameModel(
                TuningRun.run(goesOn.resume(true).build(), RunListener.SILENT).out(), whole);
        List<Long> read = MixtureRunsTest.read(temp.resolve("other/cut"));
        assertThat(read).hasSize(40);
        long usual = read.stream().sorted().toList().get(20);
        long table = (long) ROWS * HIDDEN * DType.BF16.sizeBytes();
        // Each panel comes once in 32 steps, and most steps read none of them.
        assertThat(usual).isLessThan(table * 3 / 2);
        assertThat(read.stream().filter(bytes -> bytes > usual + table / 8).count())
                .as("%s", read)
                .isBetween(3L, 12L);
    }

    private long least(MethodRuns runs, MethodRuns.Method method) {
        return Runs.smallestBudget(
                budget -> runs.config("probe" + budget, method, Runs.host(DeviceName.CPU, budget)));
    }

    private Path model() throws IOException {
        Map<String, Object> fields = new LinkedHashMap<>(Golden.json("llama/config.json").fields());
        fields.putAll(Map.of("vocab_size", (long) ROWS, "hidden_size", (long) HIDDEN));
        Path model = temp.resolve("model");
        SyntheticModel.write(
                ModelConfig.of("config.json", new JsonObject(fields)),
                DType.BF16,
                7,
                model,
                bytes -> {});
        return model;
    }

    private Path cut(Path model) throws IOException {
        return PanelledArchitecture.copy(model, temp.resolve("cut-model"), PANEL);
    }

    private MethodRuns runs(String folder, Path model, Path data) throws IOException {
        return new MethodRuns(Files.createDirectory(temp.resolve(folder)), model, data);
    }

    private static void assertSameModel(Path out, Path expected) throws IOException {
        assertThat(
                        Files.mismatch(
                                out.resolve("model.safetensors"),
                                expected.resolve("model.safetensors")))
                .isEqualTo(-1);
        assertThat(losses(out)).isEqualTo(losses(expected));
    }

    private static List<String> losses(Path out) throws IOException {
        List<String> lines = Files.readAllLines(out.resolve("journal.jsonl"));
        return lines.subList(1, lines.size());
    }
}
