package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.config.data.Parallel;
import io.millrace.executor.cpu.op.Gemm;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.run.RunSummary;
import io.millrace.executor.spread.PeersInProcess;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.device.DeviceName;
import io.millrace.optim.Rounding;
import io.millrace.optim.estimate.Estimators;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * However many workers take a run's steps, whatever they divide and wherever their blocks lie, it
 * is the run of one, byte for byte.
 */
class SpreadRunsTest {
    @TempDir Path temp;
    private Path model;
    private Path data;

    @BeforeEach
    void write() throws IOException {
        model = Runs.model(temp.resolve("model"), "llama", "bfloat16", 4, 96, 160);
        data = Runs.data(temp, 91, 10);
    }

    static Stream<Arguments> methods() {
        return Stream.of(
                method("mezo", 2, Parallel.PERTP, run -> run),
                method("lozo", 2, Parallel.DDP, SpreadRunsTest::lozo),
                method("fzoo", 4, Parallel.GRID, SpreadRunsTest::fzoo),
                method("helene", 3, Parallel.AUTO, run -> run.optimizer("helene")),
                method("lora", 2, Parallel.AUTO, run -> run.tune("lora").lr(1e-2)),
                method("eggroll", 3, Parallel.AUTO, SpreadRunsTest::eggroll),
                method(
                        "signs of thin factors",
                        2,
                        Parallel.PERTP,
                        run -> lozo(run).microBatch(4).queries(1)));
    }

    static Stream<Arguments> moreMethods() {
        Map<String, MethodRuns.Method> all =
                Map.ofEntries(
                        Map.entry("mezo", run -> run),
                        Map.entry("mezo, one query", run -> run.queries(1)),
                        Map.entry(
                                "mezo, stochastic, folded seldom",
                                run -> run.rounding(Rounding.STOCHASTIC).foldEvery(3)),
                        Map.entry("lozo", SpreadRunsTest::lozo),
                        Map.entry("lozo-m", run -> lozo(run).optimizer("lozo-m")),
                        Map.entry("fzoo", SpreadRunsTest::fzoo),
                        Map.entry(
                                "fzoo, low-rank",
                                run -> fzoo(run).perturbation("low-rank").window(3)),
                        Map.entry("helene", run -> run.optimizer("helene")),
                        Map.entry(
                                "hizoo",
                                run -> run.optimizer("hizoo").estimator("three-point").queries(1)),
                        Map.entry("lora", run -> run.tune("lora").lr(1e-2)),
                        Map.entry("lora, fzoo", run -> fzoo(run).tune("lora").lr(1e-2)),
                        Map.entry("prefix", run -> run.tune("prefix").lr(1e-2)),
                        Map.entry("eggroll", SpreadRunsTest::eggroll),
                        Map.entry(
                                "population",
                                run ->
                                        run.estimator("population")
                                                .method(Estimators.MIRRORED, true)
                                                .queries(5)),
                        Map.entry(
                                "conservative",
                                run -> run.estimator("conservative").queries(1).lr(1e-3)),
                        Map.entry(
                                "svrg",
                                run ->
                                        run.estimator("svrg")
                                                .method(Estimators.ANCHOR_EVERY, 2)
                                                .method(Estimators.ANCHOR_BATCH, 6)),
                        Map.entry("lezo", run -> run.blocks("random")),
                        Map.entry(
                                "ever more queries",
                                run ->
                                        run.queries(1)
                                                .method(Estimators.QUERIES_GROWTH, 0.7)
                                                .method(Estimators.QUERIES_MOST, 3)),
                        Map.entry(
                                "subspace, 8 at once",
                                run ->
                                        run.estimator("one-sided")
                                                .queries(8)
                                                .perturbation("subspace")
                                                .rank(5)
                                                .window(4)),
                        Map.entry("whole batches", run -> run.microBatch(4).queries(3)));
        return all.entrySet().stream()
                .flatMap(one ->
                        Stream.of(Parallel.values())
                                .map(mode ->
                                        Arguments.of(
                                                one.getKey(),
                                                2
                                                        + (one.getKey().length()
                                                                        + mode.label().length())
                                                                % 3,
                                                mode,
                                                one.getValue())));
    }

    @Tag("long")
    @ParameterizedTest
    @CsvSource({
        "llama, float32, NATIVE, low-rank, PERTP",
        "opt, float16, NATIVE, low-rank, AUTO",
        "gpt2, float32, NATIVE, low-rank, PERTP",
        "gpt2, bfloat16, NATIVE, gaussian, GRID",
        "llama, bfloat16, BF16, low-rank, PERTP",
        "llama, bfloat16, BF16, gaussian, PERTP"
    })
    void whateverIsStoredAndMultiplied(
            String kind, String dtype, Matmul matmul, String direction, Parallel mode)
            throws IOException {
        assumeTrue(matmul != Matmul.BF16 || Gemm.multipliesBFloat16());
        model = Runs.model(temp.resolve(kind), kind, dtype, 4, 96, 160);
        isTheRunOfOne(
                kind,
                3,
                mode,
                run ->
                        run.perturbation(direction)
                                .matmul(matmul)
                                .microBatch(3)
                                .rounding(Rounding.STOCHASTIC));
    }

    /** In a mixture the scale with the most rows decides how many the others' products have. */
    @Tag("long")
    @ParameterizedTest
    @EnumSource(Parallel.class)
    void mixturesAndObjectivesAreTheRunsOfOne(Parallel mode) throws IOException {
        model = MixtureRunsTest.model(temp.resolve("mixture"), DType.BF16);
        isTheRunOfOne("mixture", 3, mode, run -> run.rounding(Rounding.STOCHASTIC));
        Path labelled = Reviews.labelled(temp, 6);
        same(
                "labels",
                mode,
                out -> Reviews.accuracy(labelled, out, MemoryConfig.DEFAULT).queries(3));
        Path prompts = Reviews.prompts(temp, 6);
        same("answers", mode, out -> Reviews.f1(prompts, out, MemoryConfig.DEFAULT).queries(2));
    }

    private void same(String name, Parallel mode, Function<Path, TuneConfigBuilder> run)
            throws IOException {
        Path alone = temp.resolve(name + "-alone");
        TuningRun.run(run.apply(alone).microBatch(2).batchSize(5).build(), RunListener.SILENT);
        List<PeersInProcess.End<RunSummary>> ends =
                PeersInProcess.run(
                        3,
                        peers ->
                                TuningRun.run(
                                        run.apply(folder(name, peers.rank()))
                                                .microBatch(2)
                                                .batchSize(5)
                                                .parallel(mode)
                                                .build(),
                                        RunListener.SILENT,
                                        peers));
        assertThat(ends).allMatch(end -> end.failure() == null, "ends");
        requireSame(name, 3, Runs.result(alone));
    }

    private static Arguments method(
            String name, int workers, Parallel mode, MethodRuns.Method change) {
        return Arguments.of(name, workers, mode, change);
    }

    private static TuneConfigBuilder lozo(TuneConfigBuilder run) {
        return run.perturbation("low-rank").window(3);
    }

    private static TuneConfigBuilder fzoo(TuneConfigBuilder run) {
        return run.estimator("one-sided")
                .method(Estimators.NORMALIZE, true)
                .perturbation("rademacher")
                .queries(4);
    }

    private static TuneConfigBuilder eggroll(TuneConfigBuilder run) {
        return run.estimator("population")
                .method(Estimators.MIRRORED, true)
                .perturbation("members")
                .rank(1)
                .queries(5);
    }

    private TuneConfigBuilder config(Path out, MethodRuns.Method method) {
        return method.apply(Runs.config(model, data, out).microBatch(1).steps(4));
    }

    private Path folder(String name, int rank) {
        return temp.resolve(name).resolve("worker-" + rank);
    }

    private void requireSame(String name, int workers, Map<String, byte[]> expected)
            throws IOException {
        Runs.assertSame(folder(name, 0), expected, name);
        for (int rank = 1; rank < workers; rank++) {
            assertThat(Runs.result(folder(name, rank))).containsOnlyKeys("journal.jsonl");
            assertThat(folder(name, rank).resolve("journal.jsonl"))
                    .hasBinaryContent(expected.get("journal.jsonl"));
        }
    }

    @ParameterizedTest(name = "{0}, {1} workers, {2}")
    @MethodSource("methods")
    void isTheRunOfOne(String name, int workers, Parallel mode, MethodRuns.Method method)
            throws IOException {
        // Workers in memory and workers whose blocks stream.
        long least =
                Runs.smallestBudget(budget ->
                        config(temp.resolve("alone" + budget), method)
                                .memory(Runs.host(DeviceName.CPU, budget)));
        List<PeersInProcess.End<RunSummary>> ends =
                PeersInProcess.run(
                        workers,
                        peers ->
                                TuningRun.run(
                                        config(folder("spread", peers.rank()), method)
                                                .memory(
                                                        peers.rank() % 2 == 0
                                                                ? MemoryConfig.DEFAULT
                                                                : Runs.host(DeviceName.CPU, least))
                                                .parallel(mode)
                                                .build(),
                                        RunListener.SILENT,
                                        peers));
        assertThat(ends).allMatch(end -> end.failure() == null, "ends");
        requireSame("spread", workers, Runs.result(temp.resolve("alone" + least)));
    }

    @Tag("long")
    @ParameterizedTest(name = "{0}, {1} workers, {2}")
    @MethodSource("moreMethods")
    void soAreMore(String name, int workers, Parallel mode, MethodRuns.Method method)
            throws IOException {
        isTheRunOfOne(name, workers, mode, method);
    }
}
