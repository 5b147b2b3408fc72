package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.adapter.LoraKind;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.model.Checkpoint;
import io.millrace.model.adapter.LoraSettings;
import io.millrace.optim.Rounding;
import io.millrace.optim.estimate.Estimators;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.mask.Masks;
import io.millrace.optim.participation.RandomLayers;
import io.millrace.optim.update.Dizo;
import io.millrace.optim.update.Hizoo;
import io.millrace.optim.update.ZoMuon;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Points of the family on a card, with its kernels as host code: losses near the CPU's, the same
 * bytes with little device memory, and the weights that a replay on the CPU makes.
 */
class CudaMethodsTest {
    private static final double LOSS_BOUND = 2e-5;
    private static final List<String> ALL_LINEAR = List.of(LoraSettings.ALL_LINEAR);

    @TempDir Path temp;
    private HostKit kit;
    private Path model;
    private Path data;

    /** What is changed of a run. */
    interface Change extends UnaryOperator<TuneConfigBuilder> {}

    static Stream<Arguments> methods() {
        return Stream.of(
                method(
                        "fzoo",
                        run ->
                                run.estimator("one-sided")
                                        .method(Estimators.NORMALIZE, true)
                                        .perturbation("rademacher")
                                        .queries(4)),
                method("a LoRA", CudaMethodsTest::lora));
    }

    static Stream<Arguments> moreMethods() {
        return Stream.of(
                method("lezo", run -> run.blocks("random").foldEvery(2)),
                method(
                        "low-rank of some",
                        run -> run.perturbation("low-rank").window(2).tune("*_proj*")),
                method(
                        "subspace, 8 at once",
                        run -> fzoo(run).perturbation("subspace").rank(5).window(2)),
                method(
                        "members, 8 at once",
                        run -> fzoo(run).perturbation("members").rank(3).foldEvery(2)),
                method("sparse-mezo", run -> run.mask("magnitude")),
                method("masked hizoo of lezo", run -> hizoo(run).mask("random").blocks("random")),
                method(
                        "prefix, 4 at once",
                        run -> fzoo(run).queries(4).tune("prefix").lr(1e-3).eps(1e-2)),
                method("adam of some", run -> run.optimizer("zo-adam").tune("*_proj*")),
                method(
                        "subspace, stochastic, folded within its window",
                        run ->
                                run.perturbation("subspace")
                                        .rank(70)
                                        .window(4)
                                        .foldEvery(2)
                                        .rounding(Rounding.STOCHASTIC)),
                method(
                        "tezo of lezo",
                        run -> run.perturbation("tezo").rank(40).window(3).blocks("random")),
                method(
                        "members of lezo, both sides, stochastic",
                        run ->
                                run.perturbation("members")
                                        .rank(2)
                                        .blocks("random")
                                        .queries(3)
                                        .rounding(Rounding.STOCHASTIC)),
                method("members, folded seldom", run -> run.perturbation("members").foldEvery(3)),
                method(
                        "projected",
                        run -> run.perturbation("projected").rank(9).window(4).foldEvery(2)),
                method("dizo", CudaMethodsTest::dizo),
                method(
                        "dizo of lezo, stochastic, folded seldom",
                        run ->
                                dizo(run)
                                        .method(Dizo.PROJECTED, "*norm*,*up_proj*")
                                        .blocks("random")
                                        .rounding(Rounding.STOCHASTIC)
                                        .foldEvery(3)),
                method("zo-muon", CudaMethodsTest::muon),
                method("zo-muon of lezo", run -> muon(run).blocks("random").foldEvery(1)),
                method(
                        "svfit",
                        run -> run.perturbation("singular").rank(6).window(3).queries(2).lr(1e-4)),
                method("tensor trains", run -> run.tune("tt").lr(1e-2).eps(1e-2)),
                method(
                        "tensor trains, 8 at once",
                        run -> fzoo(run).tune("tt").lr(1e-3).eps(1e-2).microBatch(3)),
                method("ia3", run -> run.tune("ia3").lr(1e-2)),
                method("prompt", run -> run.tune("prompt").lr(1e-2).eps(1e-2).microBatch(3)),
                method(
                        "lezo without ends",
                        run -> run.blocks("random").method(RandomLayers.FROZEN_ENDS, true)),
                method("lezo, low-rank", run -> run.blocks("random").perturbation("low-rank")),
                method("momentum", run -> run.optimizer("zo-momentum").foldEvery(2)),
                method("svrg", run -> run.estimator("svrg").method(Estimators.ANCHOR_EVERY, 3)),
                method("low-rank, 8 at once", run -> fzoo(run).perturbation("low-rank").window(2)),
                method(
                        "random mask, folded seldom",
                        run -> run.mask("random").foldEvery(3).perturbation("rademacher")),
                method("hizoo", CudaMethodsTest::hizoo),
                method("conservative", run -> run.estimator("conservative").queries(1)),
                method(
                        "a LoRA beside all products, 8 at once",
                        run -> fzoo(lora(run)).lr(1e-3).method(LoraKind.TARGETS, ALL_LINEAR)),
                method(
                        "a masked LoRA with states, folded seldom",
                        run -> lora(run).optimizer("zo-adam").mask("magnitude").foldEvery(2)),
                method("a LoRA, svrg", CudaMethodsTest::anchoredLora),
                method(
                        "ia3, hizoo of lezo",
                        run -> hizoo(run).tune("ia3").blocks("random").microBatch(3)));
    }

    private static TuneConfigBuilder lora(TuneConfigBuilder run) {
        return run.tune("lora").lr(1e-2).eps(1e-2).method(LoraKind.RANK, 5);
    }

    private static TuneConfigBuilder anchoredLora(TuneConfigBuilder run) {
        return lora(run).estimator("svrg").method(Estimators.ANCHOR_EVERY, 3);
    }

    private static TuneConfigBuilder fzoo(TuneConfigBuilder run) {
        return run.estimator("one-sided").method(Estimators.NORMALIZE, true).queries(8).lr(1e-5);
    }

    /** A phase of three steps, in the middle of which runs are stopped. */
    private static TuneConfigBuilder dizo(TuneConfigBuilder run) {
        return run.optimizer("dizo")
                .lr(1e-3)
                .method(Dizo.EVERY, 1)
                .method(Dizo.STEPS, 3)
                .method(Dizo.RATE, 50.0);
    }

    private static TuneConfigBuilder muon(TuneConfigBuilder run) {
        return run.perturbation("projected")
                .optimizer("zo-muon")
                .estimator("one-sided")
                .rank(7)
                .window(2)
                .queries(4)
                .lr(1e-3)
                .method(ZoMuon.VECTOR_LR, 1e-4);
    }

    private static TuneConfigBuilder hizoo(TuneConfigBuilder run) {
        return run.optimizer("hizoo")
                .estimator("three-point")
                .queries(1)
                .method(Hizoo.SMOOTH, 1e-6);
    }

    private static Arguments method(String name, Change change) {
        return Arguments.of(name, change);
    }

    @BeforeEach
    void install() throws IOException {
        kit = HostKit.install();
        model = Runs.model(temp.resolve("model"), "llama", "float32", 4, 64, 128);
        data = Runs.data(temp, 91, 8);
    }

    @AfterEach
    void uninstall() {
        kit.close();
    }

    private TuneConfigBuilder config(String out, Change change, MemoryConfig memory) {
        return change.apply(Runs.config(model, data, temp.resolve(out)).steps(4).memory(memory));
    }

    /** Tensors with a list, without one, and one of which the last element is listed. */
    @Tag("long")
    @Test
    void listedElements() throws IOException {
        Path lists =
                MaskLists.write(
                        temp.resolve("lists.safetensors"),
                        Map.of(
                                "model.embed_tokens.weight.indices",
                                LongStream.range(100, 3000).filter(i -> i % 7 == 0).toArray(),
                                "model.layers.1.mlp.up_proj.weight.indices",
                                new long[] {0, 1, 63, 64, 1023, 1024, 1025, 8191},
                                "model.norm.weight.indices",
                                new long[] {5, 63}));
        runsOnACardAsOnTheCpu(
                "senszoq",
                run -> run.mask("indices").method(Masks.FILE, lists).lr(1e-2).foldEvery(2));
    }

    private Path run(String out, Change change, MemoryConfig memory) {
        return TuningRun.run(config(out, change, memory).build(), RunListener.SILENT).out();
    }

    /** The rows of all of them are in one call for each matrix, however many there are. */
    @Test
    void queriesOfThinFactorsShareAProduct() {
        for (String direction : List.of("low-rank", "subspace", "tezo", "members", "projected")) {
            assertThat(products(direction, 8)).isPositive().isEqualTo(products(direction, 1));
        }
        assertThat(products("gaussian", 8)).isGreaterThan(3 * products("gaussian", 1));
    }

    /** Of four layers three have no part in a step: no z is made of them, and none goes back. */
    @Tag("long")
    @Test
    void layersWithoutAPartAreNeitherFormedNorWrittenBack() throws IOException {
        Change lezo = run -> run.blocks("random").method(RandomLayers.FROZEN_ENDS, true);
        long all = formed("all", run -> run);
        assertThat(formed("some", lezo)).isPositive().isLessThan(all / 2);
        long least =
                Runs.smallestThatWorks(
                        budget -> run("probe" + budget, lezo, CudaRuns.memory(0, budget, 1, true)));
        Path out = run("small", lezo, CudaRuns.memory(0, least, 1, true));
        long layer;
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            layer = checkpoint.layout().block(1).sizeBytes();
        }
        List<String> steps =
                Files.readAllLines(out.resolve("metrics.jsonl")).stream()
                        .filter(line -> line.contains("\"lanes\""))
                        .toList();
        assertThat(steps).hasSize(4);
        for (String line : steps) {
            JsonObject lanes = Json.parseObject(line).object("lanes");
            assertThat(lanes.object("h2d").integer("bytes")).isGreaterThanOrEqualTo(4 * layer);
            assertThat(lanes.object("d2h").integer("bytes")).isLessThanOrEqualTo(2 * layer);
        }
    }

    private long formed(String out, Change change) {
        kit.cuda().clearCalls();
        run(out, change, CudaRuns.onDevice());
        return kit.cuda().calls("cuLaunchKernel").stream()
                .filter(call -> call.text().contains("millrace_form"))
                .count();
    }

    private long products(String direction, int queries) {
        kit.cuda().clearCalls();
        Change change =
                run -> run.estimator("one-sided").perturbation(direction).queries(queries).steps(2);
        run(direction + queries, change, CudaRuns.onDevice());
        return kit.cuda().calls("cuLaunchKernel").stream()
                .filter(call -> call.text().equals("host_matmul"))
                .count();
    }

    private static List<StepRecord> records(Path out) {
        return JournalReader.read(out.resolve("journal.jsonl")).records();
    }

    @Tag("long")
    @ParameterizedTest(name = "{0}")
    @MethodSource("moreMethods")
    void soDoMore(String name, Change change) throws IOException {
        runsOnACardAsOnTheCpu(name, change);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("methods")
    void runsOnACardAsOnTheCpu(String name, Change change) throws IOException {
        Path onDevice = run("device", change, CudaRuns.onDevice());
        List<StepRecord> actual = records(onDevice);
        List<StepRecord> expected = records(run("cpu", change, MemoryConfig.DEFAULT));
        for (int step = 0; step < expected.size(); step++) {
            assertThat(actual.get(step).loss())
                    .as("step %d", step + 1)
                    .isCloseTo(expected.get(step).loss(), within(LOSS_BOUND));
        }
        Map<String, byte[]> bytes = Runs.result(onDevice);
        long least =
                Runs.smallestThatWorks(budget ->
                        run("probe" + budget, change, CudaRuns.memory(0, budget, 1, true)));
        Runs.assertSame(
                run("small", change, CudaRuns.memory(0, least, 1, true)), bytes, "small device");
        TuneConfigBuilder stopped =
                config("resumed", change, CudaRuns.memory(0, least, 1, true)).checkpointEvery(1);
        assertThat(TuningRun.run(stopped.build(), Runs.stopAfter(2)).interrupted()).isTrue();
        TuneConfigBuilder goesOn = config("resumed", change, CudaRuns.onDevice()).resume(true);
        Runs.assertSame(TuningRun.run(goesOn.build(), RunListener.SILENT).out(), bytes, "resumed");
        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(model, onDevice.resolve("journal.jsonl"), rebuilt);
        for (String weights : bytes.keySet()) {
            if (weights.endsWith(".safetensors")) {
                assertThat(rebuilt.resolve(weights))
                        .hasSameBinaryContentAs(onDevice.resolve(weights));
            }
        }
    }
}
