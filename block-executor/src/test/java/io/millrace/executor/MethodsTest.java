package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.memory.BadInputException;
import io.millrace.model.Checkpoint;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.TensorInfo;
import io.millrace.optim.Rounding;
import io.millrace.optim.estimate.Estimators;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.mask.Masks;
import io.millrace.optim.participation.RandomLayers;
import io.millrace.optim.participation.WeightedLayers;
import io.millrace.optim.update.Clip;
import io.millrace.optim.update.Dizo;
import io.millrace.optim.update.Helene;
import io.millrace.optim.update.Hizoo;
import io.millrace.optim.update.ZoMuon;
import io.millrace.optim.update.ZoSign;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Points of the family, one of each axis at least: the same bytes wherever blocks lie, stopped and
 * resumed under another budget, and replayed.
 */
class MethodsTest {
    @TempDir static Path shared;
    private static Path lists;

    @TempDir Path temp;
    private Path model;
    private Path data;

    static Stream<Arguments> methods() {
        return Stream.of(
                method("fzoo", MethodsTest::fzoo),
                method("lezo of lozo-m", MethodsTest::thinLezo),
                method("members, 16 at once", MethodsTest::eggroll),
                method("zo-muon", MethodsTest::zoMuon),
                method("hizoo", run -> hizoo(run).method(Hizoo.SMOOTH, 1e-6)),
                method("dizo", MethodsTest::dizo),
                method("sparse-mezo", run -> run.mask("magnitude")),
                method("senszoq", MethodsTest::listed),
                method("attention alone", run -> run.tune("*self_attn*")));
    }

    static Stream<Arguments> moreMethods() {
        return Stream.of(
                method(
                        "subspace, 8 at once",
                        run -> thinFzoo(run).perturbation("subspace").rank(5).window(4)),
                method("zo-momentum", run -> run.optimizer("zo-momentum").foldEvery(2)),
                method("svrg", MethodsTest::svrg),
                method("one-sided", run -> run.estimator("one-sided")),
                method(
                        "svfit",
                        run -> run.perturbation("singular").rank(5).window(3).tune("matrices")),
                method(
                        "ever more queries",
                        run ->
                                run.queries(1)
                                        .method(Estimators.QUERIES_GROWTH, 0.7)
                                        .method(Estimators.QUERIES_MOST, 3)),
                method("three-point", run -> run.estimator("three-point").queries(2)),
                method("population", run -> run.estimator("population").queries(3)),
                method(
                        "mirrored population",
                        run ->
                                run.estimator("population")
                                        .method(Estimators.MIRRORED, true)
                                        .queries(2)),
                method(
                        "svrg of some",
                        run -> svrg(run).tune("*layers.6.*,*layers.7.*,*norm*").shuffle(false)),
                method("conservative", run -> run.estimator("conservative").queries(1).lr(1e-3)),
                method(
                        "one-sided, low-rank",
                        run -> run.estimator("one-sided").perturbation("low-rank").window(4)),
                method("low-rank, 8 at once", run -> thinFzoo(run).perturbation("low-rank")),
                method(
                        "tezo of lezo",
                        run -> run.perturbation("tezo").rank(40).window(3).blocks("random")),
                method(
                        "svfit of lezo, 8 at once, whole ranks",
                        run ->
                                thinFzoo(run)
                                        .perturbation("singular")
                                        .rank(64)
                                        .window(4)
                                        .blocks("random")),
                method(
                        "subspace, stochastic, folded within its window",
                        run ->
                                run.perturbation("subspace")
                                        .rank(70)
                                        .window(4)
                                        .foldEvery(2)
                                        .rounding(Rounding.STOCHASTIC)),
                method(
                        "members of lezo, stochastic, folded seldom",
                        run ->
                                run.perturbation("members")
                                        .rank(3)
                                        .blocks("random")
                                        .foldEvery(3)
                                        .rounding(Rounding.STOCHASTIC)),
                method(
                        "zo-muon of lezo, stochastic, folded within its window",
                        run ->
                                zoMuon(run)
                                        .rank(70)
                                        .blocks("random")
                                        .foldEvery(2)
                                        .rounding(Rounding.STOCHASTIC)),
                method(
                        "the mean of projected directions",
                        run -> run.perturbation("projected").rank(5).window(3).queries(2)),
                method("lezo", run -> run.blocks("random")),
                method(
                        "lezo-half, folded seldom",
                        run -> run.blocks("random").method(RandomLayers.FROZEN, 0.5).foldEvery(3)),
                method(
                        "lezo without ends",
                        run -> run.blocks("random").method(RandomLayers.FROZEN_ENDS, true)),
                method(
                        "low-rank lezo without ends",
                        run -> thinLezo(run).method(RandomLayers.FROZEN_ENDS, true)),
                method("weighted layers", MethodsTest::weighted),
                method("random mask, folded seldom", run -> run.mask("random").foldEvery(3)),
                method(
                        "masked hizoo",
                        run -> hizoo(run).mask("magnitude").perturbation("rademacher")),
                method("helene", run -> run.optimizer("helene")),
                method(
                        "dizo of lezo, stochastic, folded seldom",
                        run ->
                                dizo(run)
                                        .method(Dizo.PROJECTED, "*norm*,*up_proj*")
                                        .blocks("random")
                                        .foldEvery(3)
                                        .rounding(Rounding.STOCHASTIC)),
                method(
                        "helene, layer by layer",
                        run -> run.optimizer("helene").method(Helene.RADIUS, 3.0)),
                method("adamezo", run -> run.optimizer("adamezo").queries(1).steps(13)),
                method("r-adazo", run -> run.optimizer("r-adazo")),
                method("clipped", run -> run.method(Clip.BOUND, 0.5)),
                method("zo-sign", run -> run.optimizer("zo-sign")),
                method(
                        "zo-sign, scalar",
                        run -> run.optimizer("zo-sign").method(ZoSign.SIGN, ZoSign.Sign.SCALAR)),
                method("zo-adam of lezo", run -> run.optimizer("zo-adam").blocks("random")),
                method(
                        "momentum without embeddings",
                        run -> run.optimizer("zo-momentum").tune("!*embed*,!*norm*")),
                method(
                        "low-rank of the projections",
                        run -> run.perturbation("low-rank").window(2).tune("*_proj*")));
    }

    private static Arguments method(String name, MethodRuns.Method change) {
        return Arguments.of(name, change);
    }

    private static TuneConfigBuilder fzoo(TuneConfigBuilder run) {
        return run.estimator("one-sided")
                .method(Estimators.NORMALIZE, true)
                .perturbation("rademacher")
                .queries(4);
    }

    private static TuneConfigBuilder svrg(TuneConfigBuilder run) {
        return run.estimator("svrg")
                .method(Estimators.ANCHOR_EVERY, 3)
                .method(Estimators.ANCHOR_BATCH, 6);
    }

    private static TuneConfigBuilder weighted(TuneConfigBuilder run) {
        return run.blocks("weighted")
                .method(RandomLayers.FROZEN_ENDS, true)
                .method(WeightedLayers.WEIGHTS, List.of(0.0, 1.0, 2.0, 0.5, 4.0, 0.0, 1.0, 1.0));
    }

    private static TuneConfigBuilder thinFzoo(TuneConfigBuilder run) {
        return run.estimator("one-sided").method(Estimators.NORMALIZE, true).queries(8);
    }

    private static TuneConfigBuilder eggroll(TuneConfigBuilder run) {
        return run.estimator("population")
                .method(Estimators.MIRRORED, true)
                .perturbation("members")
                .rank(1)
                .queries(8);
    }

    private static TuneConfigBuilder zoMuon(TuneConfigBuilder run) {
        return run.estimator("one-sided")
                .perturbation("projected")
                .rank(5)
                .window(4)
                .queries(3)
                .optimizer("zo-muon")
                .lr(1e-2)
                .method(ZoMuon.VECTOR_LR, 1e-3);
    }

    /** A phase of three steps, in the middle of which runs are stopped. */
    private static TuneConfigBuilder dizo(TuneConfigBuilder run) {
        return run.optimizer("dizo")
                .lr(1e-2)
                .method(Dizo.EVERY, 2)
                .method(Dizo.STEPS, 3)
                .method(Dizo.RATE, 50.0);
    }

    private static TuneConfigBuilder hizoo(TuneConfigBuilder run) {
        return run.optimizer("hizoo").estimator("three-point").queries(1);
    }

    private static TuneConfigBuilder listed(TuneConfigBuilder run) {
        return run.mask("indices").method(Masks.FILE, lists).lr(1e-2).foldEvery(2);
    }

    private static TuneConfigBuilder thinLezo(TuneConfigBuilder run) {
        return run.blocks("random").perturbation("low-rank").window(3).optimizer("lozo-m");
    }

    /** All of one tensor, little of another, one element of a third. */
    @BeforeAll
    static void writeLists() {
        lists =
                MaskLists.write(
                        shared.resolve("lists.safetensors"),
                        Map.of(
                                "model.norm.weight.indices",
                                LongStream.range(0, 64).toArray(),
                                "model.embed_tokens.weight.indices",
                                LongStream.range(0, 200).map(i -> i * i / 2 + i).toArray(),
                                "model.layers.3.mlp.up_proj.weight.indices",
                                new long[] {4097}));
    }

    @BeforeEach
    void write() throws IOException {
        model = Runs.model(temp.resolve("model"), "llama", "bfloat16", 8, 64, 128);
        data = Runs.data(temp, 77, 10);
    }

    private Path run(String out, MethodRuns.Method method, MemoryConfig memory) {
        return runs().run(out, method, memory);
    }

    private MethodRuns runs() {
        return new MethodRuns(temp, model, data);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("methods")
    void makesTheSameBytesEverywhere(String name, MethodRuns.Method method) throws IOException {
        runs().check(method);
    }

    @Tag("long")
    @ParameterizedTest(name = "{0}")
    @MethodSource("moreMethods")
    void soDoMore(String name, MethodRuns.Method method) throws IOException {
        runs().check(method);
    }

    @Test
    void aStepThatLeavesNoLayerOutIsAsOneOfAll() throws IOException {
        MethodRuns.Method none = run -> run.blocks("random").method(RandomLayers.FROZEN, 0.0);
        Path all = run("all", run -> run, MemoryConfig.DEFAULT);
        Path random = run("random", none, MemoryConfig.DEFAULT);
        assertThat(Files.readAllBytes(random.resolve("model.safetensors")))
                .isEqualTo(Files.readAllBytes(all.resolve("model.safetensors")));
        assertThat(JournalReader.read(random.resolve("journal.jsonl")).records())
                .isEqualTo(JournalReader.read(all.resolve("journal.jsonl")).records());
    }

    /** An anchor asks on its own rows at its own rate, and its term is in the steps behind it. */
    @Test
    void stepsBetweenAnchorsGoAlongTwoDirections() throws IOException {
        MethodRuns.Method method = run -> svrg(run).shuffle(false).lr(1e-3);
        Path out = run("svrg", method, MemoryConfig.DEFAULT);
        List<StepRecord> steps = JournalReader.read(out.resolve("journal.jsonl")).records();
        StepRecord anchor = steps.getFirst();
        for (StepRecord step : steps) {
            boolean isAnchor = step.step() % 3 == 1;
            anchor = isAnchor ? step : anchor;
            QueryResult own = step.queries().getFirst();
            assertThat(step.lr()).isEqualTo(isAnchor ? 1e-2 : 1e-3);
            assertThat(step.sums()).isEqualTo(!isAnchor);
            assertThat(own.losses()).hasSize(isAnchor ? 2 : 4);
            assertThat(step.queries()).hasSize(isAnchor ? 1 : 2);
            if (!isAnchor) {
                QueryResult term = step.queries().get(1);
                assertThat(term.seed()).isEqualTo(anchor.seed());
                assertThat(term.projectedGrad())
                        .isEqualTo(anchor.queries().getFirst().projectedGrad());
                assertThat(own.losses().get(2)).isNotEqualTo(own.losses().get(0));
            }
        }
        // The same direction at the anchor, asked by a run that stands there.
        MethodRuns.Method there = run -> run.shuffle(false).queries(1).lr(0).steps(3);
        Path still = run("still", there, MemoryConfig.DEFAULT);
        List<StepRecord> atBase = JournalReader.read(still.resolve("journal.jsonl")).records();
        for (int step = 1; step < 3; step++) {
            assertThat(steps.get(step).queries().getFirst().losses().subList(2, 4))
                    .isEqualTo(atBase.get(step).queries().getFirst().losses());
        }
    }

    /** Ten examples in batches of four: the steps are of epochs 0, 0, 0, 1, 1, 2, 2. */
    @Test
    void directionsGrowFromEpochToEpoch() throws IOException {
        MethodRuns.Method growing =
                run ->
                        run.queries(1)
                                .method(Estimators.QUERIES_GROWTH, 0.7)
                                .method(Estimators.QUERIES_MOST, 3);
        Path out = run("growing", growing, MemoryConfig.DEFAULT);
        assertThat(JournalReader.read(out.resolve("journal.jsonl")).records())
                .extracting(record -> record.queries().size())
                .containsExactly(1, 1, 1, 2, 2, 3, 3);
    }

    /** A mask that leaves every element its z is none, and a mask leaves the others their bytes. */
    @Test
    void aMaskOfAllIsNone() throws IOException {
        byte[] all = Files.readAllBytes(model(run("all", run -> run, MemoryConfig.DEFAULT)));
        for (String mask : List.of("magnitude", "random")) {
            MethodRuns.Method whole = run -> run.mask(mask).method(Masks.DENSITY, 1.0);
            assertThat(Files.readAllBytes(model(run(mask, whole, MemoryConfig.DEFAULT))))
                    .isEqualTo(all);
        }
    }

    private static Path model(Path out) {
        return out.resolve("model.safetensors");
    }

    /** Which layers moved is what the step's seed says, and the rest kept every byte. */
    @Test
    void aLayerWithoutAPartKeepsItsBytes() throws IOException {
        Path out = run("one", run -> run.blocks("random").steps(1), MemoryConfig.DEFAULT);
        long seed = JournalReader.read(out.resolve("journal.jsonl")).records().getFirst().seed();
        BitSet chosen = new RandomLayers(0.75).layers(seed, 8);
        assertThat(chosen.cardinality()).isEqualTo(2);
        for (int layer = 0; layer < 8; layer++) {
            String name = "model.layers." + layer + ".mlp.up_proj.weight";
            assertThat(bytes(out, name).equals(bytes(model, name)))
                    .as("layer %d, of %s", layer, chosen)
                    .isEqualTo(!chosen.get(layer));
        }
        assertThat(bytes(out, "model.embed_tokens.weight"))
                .isNotEqualTo(bytes(model, "model.embed_tokens.weight"));
    }

    @Test
    void frozenEndsKeepTheirBytes() throws IOException {
        MethodRuns.Method method =
                run -> run.blocks("random").method(RandomLayers.FROZEN_ENDS, true);
        Path out = run("ends", method, MemoryConfig.DEFAULT);
        for (String end :
                List.of("model.embed_tokens.weight", "model.norm.weight", "lm_head.weight")) {
            assertThat(bytes(out, end)).as(end).isEqualTo(bytes(model, end));
        }
        assertThat(
                        Files.mismatch(
                                out.resolve("model.safetensors"),
                                model.resolve("model.safetensors")))
                .isNotEqualTo(-1);
    }

    @Test
    void aFrozenTensorKeepsItsBytesAndNeedsNoPlaceInTheStore() throws IOException {
        Path out = run("q", run -> run.tune("*q_proj*"), MemoryConfig.DEFAULT);
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            checkpoint
                    .layout()
                    .blocks()
                    .forEach(block ->
                            block.tensors()
                                    .forEach(slot ->
                                            assertThat(
                                                            bytes(out, slot.name())
                                                                    .equals(
                                                                            bytes(
                                                                                    model,
                                                                                    slot.name())))
                                                    .as(slot.name())
                                                    .isEqualTo(!slot.name().contains("q_proj"))));
        }
    }

    @Test
    void whatHasNoMeaningIsRefused() {
        refused(run -> run.tune("*no_such*"), "--tune", "matches no tensor");
        refused(run -> run.tune("*,!*"), "--tune", "leaves no tensor");
        refused(
                run -> run.optimizer("zo-sign").perturbation("low-rank"),
                "--optimizer",
                "gaussian or rademacher");
        refused(
                run -> run.estimator("one-sided").method(Estimators.NORMALIZE, true).queries(1),
                "--queries",
                "spread");
        refused(
                run -> run.method(Estimators.QUERIES_GROWTH, 0.1),
                "--queries-most",
                "nothing says how many");
        refused(run -> run.method(Estimators.QUERIES_MOST, 4), "--queries-most", "along 2");
        refused(run -> run.blocks("weighted"), "--block-weights", "how likely");
        refused(
                run -> weighted(run).method(WeightedLayers.WEIGHTS, List.of(1.0, 2.0)),
                "--block-weights",
                "2 weights for 8 layers");
        assertThatThrownBy(() -> WeightedLayers.WEIGHTS.require(List.of(0.0, 0.0)))
                .hasMessageContaining("no weights");
        refused(run -> svrg(run).perturbation("low-rank"), "--perturbation", "without it");
        refused(run -> svrg(run).optimizer("zo-adam"), "--optimizer", "sum of two directions");
        refused(run -> svrg(run).blocks("random"), "--blocks", "of all layers");
        refused(run -> svrg(run).foldEvery(2), "--fold-every", "every 3 steps");
        refused(run -> run.estimator("population").queries(1), "--queries", "population");
        refused(
                run -> run.mask("magnitude").perturbation("low-rank"),
                "--mask",
                "gaussian or rademacher");
        refused(run -> run.optimizer("hizoo"), "--optimizer", "--estimator three-point");
        refused(run -> run.optimizer("adamezo"), "--optimizer", "--queries 1");
        refused(
                run -> dizo(run).method(Dizo.PROJECTED, "*no_such*"),
                "--project",
                "matches no tensor that is trained");
        refused(run -> dizo(run).estimator("one-sided"), "--optimizer", "--estimator two-sided");
        refused(run -> svrg(run).mask("random"), "--mask", "anchor");
        refused(run -> run.mask("indices"), "--mask", "--mask-file");
        refused(
                run -> run.blocks("random").method(RandomLayers.FROZEN, 1.0),
                "--frozen-blocks",
                "below 1");
        assertThatThrownBy(() -> TrainedTensors.TUNE.require("a,,b", "--tune"))
                .isInstanceOf(BadInputException.class);
    }

    private void refused(MethodRuns.Method method, String option, String why) {
        assertThatThrownBy(() -> run("refused", method, MemoryConfig.DEFAULT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(option)
                .hasMessageContaining(why);
        assertThat(temp.resolve("refused")).doesNotExist();
    }

    private static ByteBuffer bytes(Path folder, String tensor) {
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("model.safetensors"))) {
            TensorInfo info = file.tensor(tensor);
            byte[] bytes = new byte[Math.toIntExact(info.sizeBytes())];
            file.read(info, MemorySegment.ofArray(bytes));
            return ByteBuffer.wrap(bytes);
        }
    }
}
