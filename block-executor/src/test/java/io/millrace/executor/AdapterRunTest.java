package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.adapter.LoraKind;
import io.millrace.executor.adapter.TensorTrainKind;
import io.millrace.executor.adapter.VirtualKind;
import io.millrace.executor.companion.TokenStart;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.Checkpoint;
import io.millrace.model.adapter.VirtualSettings;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.program.ModelProgram;
import io.millrace.optim.Rounding;
import io.millrace.optim.estimate.Estimators;
import io.millrace.optim.journal.JournalReader;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * An adapter of each kind beside a model that is only read: the same bytes wherever blocks lie,
 * stopped, killed and resumed, and replayed; of the base, nothing is written.
 */
class AdapterRunTest {
    private static final String ADAPTER = "adapter_model.safetensors";

    @TempDir Path temp;
    private Path model;
    private Path data;

    /** What is changed of a run. */
    interface Method extends UnaryOperator<TuneConfigBuilder> {}

    static Stream<Arguments> methods() {
        return Stream.of(
                method("mezo", run -> run),
                method("fzoo", AdapterRunTest::fzoo),
                method("zo-adam of lezo", run -> run.optimizer("zo-adam").blocks("random")),
                method("ia3, fzoo", run -> fzoo(run).tune("ia3")),
                method("a stranger's kind", run -> run.tune("toy-scales")),
                method(
                        "prefix, sparse-mezo",
                        run ->
                                run.tune("prefix")
                                        .mask("magnitude")
                                        .method(VirtualKind.PREFIX.tokens(), 3)));
    }

    static Stream<Arguments> moreMethods() {
        return Stream.of(
                method(
                        "svrg",
                        run ->
                                run.estimator("svrg")
                                        .method(Estimators.ANCHOR_EVERY, 3)
                                        .method(Estimators.ANCHOR_BATCH, 6)),
                method("prompt", run -> run.tune("prompt").queries(2)),
                method(
                        "tensor trains, zo-adam, micro-batches",
                        run ->
                                run.tune("tt")
                                        .optimizer("zo-adam")
                                        .method(TensorTrainKind.WIDTH, 7)
                                        .microBatch(3)),
                method("all linear, folded seldom", run -> allLinear(run).foldEvery(3)),
                method("sparse-mezo", run -> run.mask("magnitude")),
                method("ia3", run -> run.tune("ia3").queries(2)),
                method(
                        "prompt, zo-adam, micro-batches",
                        run -> run.tune("prompt").optimizer("zo-adam").microBatch(3)),
                method("prefix", run -> run.tune("prefix").queries(2).foldEvery(2)),
                method("tensor trains", run -> run.tune("tt").queries(2).foldEvery(2)),
                method(
                        "hizoo, masked",
                        run ->
                                run.optimizer("hizoo")
                                        .estimator("three-point")
                                        .queries(1)
                                        .mask("random")),
                method("helene", run -> run.optimizer("helene")),
                method(
                        "zo-momentum, folded seldom",
                        run -> run.optimizer("zo-momentum").foldEvery(2)),
                method("adamezo", run -> run.optimizer("adamezo").queries(1).steps(13)),
                method(
                        "mirrored population",
                        run -> run.estimator("population").method(Estimators.MIRRORED, true)),
                method("conservative", run -> run.estimator("conservative").queries(1).lr(1e-2)),
                method("rounding of what is float32", run -> run.rounding(Rounding.STOCHASTIC)),
                method("of a widened base", run -> run.dtype(DType.F32)),
                method("micro-batches", run -> allLinear(run).microBatch(3)),
                method("scaled by the root", run -> run.method(LoraKind.RSLORA, true)),
                method("ia3, helene", run -> run.tune("ia3").optimizer("helene")),
                method(
                        "ia3, svrg",
                        run ->
                                run.tune("ia3")
                                        .estimator("svrg")
                                        .method(Estimators.ANCHOR_EVERY, 3)
                                        .method(Estimators.ANCHOR_BATCH, 6)),
                method(
                        "prompt, population",
                        run ->
                                run.tune("prompt")
                                        .estimator("population")
                                        .method(Estimators.MIRRORED, true)),
                method("prompt, zo-momentum", run -> run.tune("prompt").optimizer("zo-momentum")),
                method("prefix, zo-adam", run -> run.tune("prefix").optimizer("zo-adam")),
                method(
                        "prefix, adamezo",
                        run -> run.tune("prefix").optimizer("adamezo").queries(1).steps(13)),
                method(
                        "tensor trains, more queries with every pass",
                        run ->
                                run.tune("tt")
                                        .queries(1)
                                        .method(Estimators.QUERIES_GROWTH, 0.7)
                                        .method(Estimators.QUERIES_MOST, 3)),
                method("tensor trains, fzoo", run -> fzoo(run).tune("tt")),
                method(
                        "tensor trains, sparse-mezo",
                        run ->
                                run.tune("tt")
                                        .mask("magnitude")
                                        .method(TensorTrainKind.TARGETS, List.of("o_proj"))),
                method(
                        "tensor trains, helene",
                        run -> run.tune("tt").optimizer("helene").method(TensorTrainKind.RANK, 2)),
                method(
                        "prefix, hizoo",
                        run ->
                                run.tune("prefix")
                                        .optimizer("hizoo")
                                        .estimator("three-point")
                                        .queries(1)));
    }

    private static Arguments method(String name, Method change) {
        return Arguments.of(name, change);
    }

    private static TuneConfigBuilder allLinear(TuneConfigBuilder run) {
        return run.method(LoraKind.TARGETS, List.of("all-linear"))
                .method(LoraKind.RANK, 3)
                .method(LoraKind.RSLORA, true);
    }

    private static TuneConfigBuilder fzoo(TuneConfigBuilder run) {
        return run.estimator("one-sided")
                .method(Estimators.NORMALIZE, true)
                .perturbation("rademacher")
                .queries(6);
    }

    @BeforeEach
    void write() throws IOException {
        model = Runs.model(temp.resolve("model"), "llama", "bfloat16", 8, 192, 512);
        data = Runs.data(temp, 77, 10);
    }

    private TuneConfigBuilder config(String out, Method method, MemoryConfig memory) {
        return method.apply(
                Runs.config(model, data, temp.resolve(out)).tune("lora").lr(1e-2).memory(memory));
    }

    private Path run(String out, Method method, MemoryConfig memory) {
        return TuningRun.run(config(out, method, memory).build(), RunListener.SILENT).out();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("methods")
    void makesTheSameBytesEverywhere(String name, Method method) throws IOException {
        check(method);
    }

    @Tag("long")
    @ParameterizedTest(name = "{0}")
    @MethodSource("moreMethods")
    void soDoMore(String name, Method method) throws IOException {
        check(method);
    }

    private void check(Method method) throws IOException {
        Map<String, byte[]> base = Runs.result(model);
        Map<String, byte[]> expected = Runs.result(run("memory", method, MemoryConfig.DEFAULT));
        assertThat(expected.keySet())
                .containsExactly("adapter_config.json", ADAPTER, "journal.jsonl");
        assertThat(distance(temp.resolve("memory"), begun(method))).isPositive();

        long least =
                Runs.smallestBudget(budget ->
                        config("probe" + budget, method, Runs.host(DeviceName.CPU, budget)));
        Path streamed = run("streamed", method, Runs.host(DeviceName.CPU, least));
        Runs.assertSame(streamed, expected, "streamed");
        requireOnlyRead(streamed);
        Runs.assertSame(
                run("one by one", method, oneByOne(least)), expected, "streamed without overlap");
        Runs.assertSame(
                run("emulated", method, Runs.memory(DeviceName.EMULATED, OptionalLong.empty())),
                expected,
                "emulated");

        TuneConfigBuilder stopped = config("resumed", method, Runs.host(DeviceName.CPU, least));
        assertThat(TuningRun.run(stopped.build(), Runs.stopAfter(4)).interrupted()).isTrue();
        goOn("resumed", method, MemoryConfig.DEFAULT, expected);

        TuneConfigBuilder cut = config("cut", method, Runs.host(DeviceName.CPU, least));
        assertThatThrownBy(() -> TuningRun.run(cut.build(), Runs.cutAfter(5)))
                .isInstanceOf(Runs.Cut.class);
        goOn("cut", method, Runs.memory(DeviceName.EMULATED, OptionalLong.empty()), expected);

        TuneConfigBuilder kept = config("again", method, MemoryConfig.DEFAULT).checkpointEvery(2);
        assertThatThrownBy(() -> TuningRun.run(kept.build(), Runs.cutAfter(5)))
                .isInstanceOf(Runs.Cut.class);
        goOn("again", method, Runs.host(DeviceName.CPU, least), expected);

        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(model, temp.resolve("memory").resolve("journal.jsonl"), rebuilt);
        for (String file : List.of("adapter_config.json", ADAPTER)) {
            assertThat(Files.readAllBytes(rebuilt.resolve(file))).isEqualTo(expected.get(file));
        }
        Runs.assertSame(model, base, "the base");
    }

    private void goOn(String out, Method method, MemoryConfig memory, Map<String, byte[]> expected)
            throws IOException {
        TuneConfigBuilder goesOn = config(out, method, memory).resume(true);
        Runs.assertSame(TuningRun.run(goesOn.build(), RunListener.SILENT).out(), expected, out);
    }

    private static MemoryConfig oneByOne(long budget) {
        return new MemoryConfig(
                DeviceName.CPU,
                OptionalLong.empty(),
                OptionalLong.of(budget),
                Optional.empty(),
                OptionalLong.empty(),
                1,
                false);
    }

    private static void requireOnlyRead(Path out) throws IOException {
        long read = 0;
        for (String line : Files.readAllLines(out.resolve("metrics.jsonl"))) {
            JsonObject fields = parse(line);
            if (fields.has("lanes")) {
                JsonObject lanes = fields.object("lanes");
                assertThat(lanes.object("nvme-write").integer("bytes")).isZero();
                read += lanes.object("nvme-read").integer("bytes");
            }
        }
        assertThat(read).isPositive();
        try (Stream<Path> entries = Files.list(out)) {
            assertThat(entries.filter(Files::isDirectory)).isEmpty();
        }
    }

    private static JsonObject parse(String line) {
        try {
            return Json.parseObject(line);
        } catch (JsonFormatException e) {
            throw new AssertionError(line, e);
        }
    }

    /** The adapter after a step so small that no number of it moves. */
    private Path begun(Method method) {
        Method still = run -> method.apply(run).lr(1e-30).steps(1);
        return run("begun", still, MemoryConfig.DEFAULT);
    }

    private static double distance(Path tuned, Path begun) {
        try (SafetensorsFile after = SafetensorsFile.open(tuned.resolve(ADAPTER));
                SafetensorsFile before = SafetensorsFile.open(begun.resolve(ADAPTER))) {
            double squares = 0;
            for (String name : after.tensors().keySet()) {
                float[] one = after.readFloats(name);
                float[] other = before.readFloats(name);
                for (int i = 0; i < one.length; i++) {
                    squares += Math.pow((double) one[i] - other[i], 2);
                }
            }
            return Math.sqrt(squares);
        }
    }

    /** B begins at zero, and scales at one: before the first step, the model is the base. */
    @ParameterizedTest
    @ValueSource(strings = {"lora", "ia3"})
    void beginsAsTheBase(String kind) throws IOException {
        Method three =
                run -> run.estimator("three-point").queries(1).steps(1).shuffle(false).tune(kind);
        Path tuned = run("tuned", three, MemoryConfig.DEFAULT);
        Path whole =
                TuningRun.run(
                                three.apply(Runs.config(model, data, temp.resolve("whole")))
                                        .tune("full")
                                        .memory(MemoryConfig.DEFAULT)
                                        .build(),
                                RunListener.SILENT)
                        .out();
        assertThat(firstLoss(tuned)).isEqualTo(firstLoss(whole), within(1e-6));
    }

    /** What a run begins with is made apart from its engine: the base behind drawn tokens. */
    @ParameterizedTest
    @CsvSource({"prompt, false", "prefix, false", "prefix, true"})
    void beginsAsTheBaseBehindTokensThatTheSeedDraws(String kind, boolean experts)
            throws IOException {
        if (experts) {
            model = MixtureRunsTest.model(temp.resolve("experts"), DType.F32);
        }
        Method three = run -> run.estimator("three-point").queries(1).steps(1).shuffle(false);
        VirtualKind virtual = kind.equals("prompt") ? VirtualKind.PROMPT : VirtualKind.PREFIX;
        Method tuned = run -> three.apply(run).tune(kind).method(virtual.tokens(), 7);
        double loss = firstLoss(run("tuned", tuned, MemoryConfig.DEFAULT));
        TuneConfigBuilder whole = Runs.config(model, behind(drawn(virtual)), temp.resolve("whole"));
        TuneConfigBuilder full = three.apply(whole).memory(MemoryConfig.DEFAULT);
        Path out = TuningRun.run(full.build(), RunListener.SILENT).out();
        assertThat(loss).isEqualTo(firstLoss(out), within(1e-5));
    }

    private int[] drawn(VirtualKind kind) {
        try (Checkpoint base = Checkpoint.open(model)) {
            VirtualSettings settings = new VirtualSettings(kind.type(), 7, "");
            ModelProgram program = settings.of(base.program(), base.program()).program();
            return new TokenStart(
                            base,
                            program,
                            Runs.config(model, data, temp).build().arithmetic().seed())
                    .ids();
        }
    }

    private static List<?> ids(String line) {
        return parse(line).array("input_ids");
    }

    /** The rows of the data behind some tokens, with nothing more of them scored. */
    private Path behind(int[] tokens) throws IOException {
        List<Object> ids = new ArrayList<>();
        List<Object> labels = new ArrayList<>();
        for (String line : Files.readAllLines(data)) {
            List<?> text = ids(line);
            List<Object> row = new ArrayList<>();
            List<Object> scored = new ArrayList<>();
            for (int token : tokens) {
                row.add((long) token);
                scored.add(-100L);
            }
            row.addAll(text);
            scored.add(-100L);
            scored.addAll(text.subList(1, text.size()));
            ids.add(row);
            labels.add(scored);
        }
        return Golden.writeTokenised(temp.resolve("behind.jsonl"), ids, labels);
    }

    private static double firstLoss(Path out) {
        return JournalReader.read(out.resolve("journal.jsonl")).records().getFirst().loss();
    }

    /**
     * The best step's adapter is made again from the journal, and a run may go on to more steps.
     */
    @Test
    void keepsTheBestAndGoesOnToMore() throws IOException {
        Method all = run -> run.steps(9);
        Map<String, byte[]> expected = Runs.result(run("nine", all, MemoryConfig.DEFAULT));
        run("more", run -> run.steps(6), MemoryConfig.DEFAULT);
        goOn("more", all, MemoryConfig.DEFAULT, expected);
    }

    @Test
    void whatHasNoMeaningIsRefused() {
        refused(run -> targets(run, "no_such"), "--lora-targets", "q_proj,k_proj,v_proj,o_proj");
        refused(run -> targets(run, "lm_head"), "--lora-targets", "output head");
        refused(run -> targets(run, "embed_tokens"), "--lora-targets", "tables");
        refused(run -> run.method(LoraKind.RANK, 97), "--lora-rank", "at most 96");
        refused(run -> run.perturbation("low-rank"), "--perturbation", "gaussian or rademacher");
        assertThatThrownBy(() -> Runs.config(model, data, temp).tune("dora"))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("give lora");
    }

    private static TuneConfigBuilder targets(TuneConfigBuilder run, String... names) {
        return run.method(LoraKind.TARGETS, List.of(names));
    }

    private void refused(Method method, String option, String why) {
        assertThatThrownBy(() -> run("refused", method, MemoryConfig.DEFAULT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(option)
                .hasMessageContaining(why);
        assertThat(temp.resolve("refused")).doesNotExist();
    }
}
