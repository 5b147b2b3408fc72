package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.cpu.op.Gemm;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.optim.Rounding;
import io.millrace.optim.estimate.GradientEstimator;
import io.millrace.optim.gradient.rule.GaLore;
import io.millrace.optim.gradient.rule.NaturalGaLore;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.participation.BadamLayers;
import io.millrace.optim.participation.HiftGroups;
import io.millrace.optim.participation.LeftStates;
import io.millrace.optim.participation.LisaLayers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Steps along the gradient end with the same bytes wherever blocks and their states lie, and after
 * a stop, a failure or a checkpoint.
 */
class FirstOrderRunsTest {
    @TempDir static Path shared;
    @TempDir Path temp;
    private static Path model;
    private static Path data;

    @BeforeAll
    static void writeModel() throws IOException {
        model = Runs.model(shared.resolve("model"), "llama", "bfloat16", 5, 128, 256);
        data = Runs.data(shared, 71, 10);
    }

    static Stream<Arguments> runs() {
        Stream<Arguments> everywhere =
                Stream.of(
                        run(
                                "adamw over masters",
                                run ->
                                        run.optimizer("adamw")
                                                .method(GradientEstimator.MASTERS, true)),
                        run(
                                "hift",
                                run ->
                                        run.optimizer("adamw")
                                                .blocks("hift")
                                                .method(HiftGroups.GROUP, 2)),
                        run("lisa that keeps states", run -> lisa(run, LeftStates.KEEP)),
                        run(
                                "adamw, clipped as a whole",
                                run ->
                                        run.optimizer("adamw")
                                                .dtype(DType.F32)
                                                .method(GradientEstimator.NORM, 0.1)));
        Stream<Arguments> where =
                Stream.of(
                                run(
                                        "adamw of bfloat16 products",
                                        run -> run.optimizer("adamw").matmul(Matmul.BF16)))
                        .filter(_ -> Gemm.multipliesBFloat16());
        return Stream.concat(everywhere, where);
    }

    static Stream<Arguments> moreRuns() {
        return Stream.of(
                run(
                        "adamw, stochastic",
                        run -> run.optimizer("adamw").rounding(Rounding.STOCHASTIC)),
                run(
                        "galore",
                        run ->
                                run.optimizer("galore")
                                        .method(GaLore.RANK, 8)
                                        .method(GaLore.EVERY, 3)
                                        .method(GradientEstimator.MASTERS, true)),
                run("lisa that drops them", run -> lisa(run, LeftStates.DROP)),
                run(
                        "badam, by which layers come back",
                        run ->
                                run.optimizer("adamw")
                                        .blocks("badam")
                                        .method(BadamLayers.EVERY, 2)
                                        .steps(12)),
                run(
                        "natural galore",
                        run ->
                                run.optimizer("natural-galore")
                                        .method(GaLore.RANK, 8)
                                        .method(GaLore.EVERY, 3)
                                        .method(NaturalGaLore.HISTORY, 3)
                                        .method(GradientEstimator.MASTERS, true)),
                run("adamw of 8 bits", run -> run.optimizer("adamw-8bit")),
                run("adafactor in float32", run -> run.optimizer("adafactor").dtype(DType.F32)),
                run("adalomo", run -> run.optimizer("adalomo")),
                run("lomo", run -> run.optimizer("lomo")),
                run(
                        "sgd of attention alone, clipped",
                        run ->
                                run.optimizer("sgd")
                                        .tune("*self_attn*")
                                        .method(GradientEstimator.BLOCK_NORM, 0.1)));
    }

    /** The second layer is left out of steps 3 and 4, behind which runs go on, and then is back. */
    private static TuneConfigBuilder lisa(TuneConfigBuilder run, LeftStates left) {
        return run.optimizer("adamw")
                .blocks("lisa")
                .method(LisaLayers.LAYERS, 2)
                .method(LisaLayers.EVERY, 2)
                .method(LisaLayers.STATES, left)
                .steps(12);
    }

    private static Arguments run(String name, MethodRuns.Method method) {
        return Arguments.of(name, method);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("runs")
    void endsWithTheSameBytesWhateverComes(String name, MethodRuns.Method method)
            throws IOException {
        MethodRuns runs = new MethodRuns(temp, model, data);
        MethodRuns.Method all =
                run ->
                        method.apply(
                                run.estimator("gradient")
                                        .queries(1)
                                        .lr(1e-2)
                                        .batchSize(4)
                                        .microBatch(2));
        long least = runs.check(all);
        runs.checkCut(all, least);
        Runs.assertSame(
                runs.run("apart", all, Runs.host(DeviceName.CPU, least + 4096)),
                Runs.result(temp.resolve("memory")),
                "in a little more");
    }

    @Tag("long")
    @ParameterizedTest(name = "{0}")
    @MethodSource("moreRuns")
    void allOfThemDo(String name, MethodRuns.Method method) throws IOException {
        endsWithTheSameBytesWhateverComes(name, method);
    }

    /** By as much as the norm of all blocks is above the bound, and not that of each. */
    @Test
    void theWholeGradientIsScaledDownByItsNorm() throws IOException {
        double norm = step("free", Double.POSITIVE_INFINITY);
        double bound = norm / 8;
        assertThat(step("clipped", bound)).isEqualTo(norm);
        assertThat(step("loose", 2 * norm)).isEqualTo(norm);
        float[] base = embeddings(model);
        float[] free = embeddings(temp.resolve("free"));
        float[] clipped = embeddings(temp.resolve("clipped"));
        double most = 0;
        for (int i = 0; i < base.length; i++) {
            double wanted = (free[i] - base[i]) * bound / (norm + 1e-6);
            assertThat((double) clipped[i] - base[i]).isCloseTo(wanted, within(1e-6));
            most = Math.max(most, Math.abs(wanted));
        }
        assertThat(most).isGreaterThan(1e-4);
        assertThat(embeddings(temp.resolve("loose"))).isEqualTo(free);
    }

    /** The norm that a step tells. */
    private double step(String name, double bound) {
        TuneConfigBuilder run =
                Runs.config(model, data, temp.resolve(name))
                        .optimizer("sgd")
                        .queries(1)
                        .weightDecay(0)
                        .dtype(DType.F32)
                        .lr(0.5)
                        .steps(1);
        if (bound < Double.POSITIVE_INFINITY) {
            run.method(GradientEstimator.NORM, bound);
        }
        TuningRun.run(run.build(), RunListener.SILENT);
        Path journal = temp.resolve(name).resolve("journal.jsonl");
        return JournalReader.read(journal).records().getFirst().meanSlope();
    }

    private static float[] embeddings(Path folder) {
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("model.safetensors"))) {
            return file.readFloats("model.embed_tokens.weight");
        }
    }
}
