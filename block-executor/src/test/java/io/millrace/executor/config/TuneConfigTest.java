package io.millrace.executor.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.optim.gradient.rule.AdamW;
import io.millrace.telemetry.json.Json;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class TuneConfigTest {
    @Test
    void startsFromTheDefaultsOfTheCommandLine() {
        TuneConfig config = jsonl().build();

        assertThat(config.data().batchSize()).isEqualTo(16);
        assertThat(config.data().microBatch()).isEqualTo(16);
        assertThat(config.data().shuffle()).isTrue();
        assertThat(config.data().task()).isEqualTo(TaskConfig.DEFAULT);
        assertThat(Json.write(config.arithmetic().settings().toJson()))
                .isEqualTo(
                        "{\"steps\":1000,\"lr\":1.0E-6,\"lr-schedule\":\"constant\",\"warmup\":0,"
                                + "\"eps\":0.001,\"weight-decay\":0.0,"
                                + "\"seed\":\"0x0000000000000000\",\"rounding\":\"nearest\","
                                + "\"perturbation\":\"gaussian\",\"optimizer\":\"mezo-sgd\","
                                + "\"estimator\":\"two-sided\",\"queries\":1,"
                                + "\"queries-growth\":0.0,\"blocks\":\"all\",\"mask\":\"none\","
                                + "\"objective\":\"loss\",\"tune\":\"full\",\"fold-every\":1,\"matmul\":\"native\"}");
        assertThat(config.memory()).isEqualTo(MemoryConfig.DEFAULT);
    }

    @Test
    void lowRankRunsFoldOnceAWindowUnlessToldOtherwise() {
        assertThat(jsonl().perturbation("low-rank").window(30).build().arithmetic().foldEvery())
                .isEqualTo(30);
        assertThat(
                        jsonl().perturbation("low-rank")
                                .window(30)
                                .foldEvery(10)
                                .build()
                                .arithmetic()
                                .foldEvery())
                .isEqualTo(10);
        assertThat(jsonl().window(30).build().arithmetic().foldEvery()).isEqualTo(1);
    }

    @Test
    void aRuleOfTheGradientAndTheGradientGoTogether() {
        assertThat(named(jsonl().optimizer("lion"))).isEqualTo("lion of gradient");
        assertThat(named(jsonl().estimator("gradient"))).isEqualTo("adamw of gradient");
        assertThat(named(jsonl().estimator("gradient").method(AdamW.BETA1, 0.8)))
                .isEqualTo("adamw of gradient");
        assertThat(named(jsonl().optimizer("zo-sign"))).isEqualTo("zo-sign of two-sided");
        assertThat(named(jsonl().estimator("one-sided"))).isEqualTo("mezo-sgd of one-sided");
        assertThatThrownBy(() -> jsonl().optimizer("mezo-sgd").estimator("gradient").build())
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("mezo-sgd makes its steps of losses")
                .hasMessageContaining("give --optimizer ")
                .hasMessageContaining("adamw");
        assertThatThrownBy(() -> jsonl().optimizer("adamw").estimator("two-sided").build())
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("give --estimator gradient");
        assertThatThrownBy(() -> jsonl().optimizer("adamw").perturbation("low-rank").build())
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("give --perturbation gaussian");
    }

    private static String named(TuneConfigBuilder run) {
        ArithmeticConfig arithmetic = run.build().arithmetic();
        return arithmetic.rule().name() + " of " + arithmetic.estimator().name();
    }

    @Test
    void microBatchFollowsTheBatchUnlessSet() {
        assertThat(jsonl().batchSize(6).build().data().microBatch()).isEqualTo(6);
        assertThat(jsonl().microBatch(2).batchSize(6).build().data().microBatch()).isEqualTo(2);
    }

    @Test
    void recordsEveryOptionByItsNameOnTheCommandLine() {
        TuneConfig config =
                jsonl().eval(Path.of("dev.jsonl"))
                        .template("{text} it was")
                        .labelWords(List.of(" bad", " good"))
                        .seqLen(64)
                        .seed(-1)
                        .perturbation("rademacher")
                        .dtype(DType.BF16)
                        .trace(Path.of("trace.json"))
                        .build();

        assertThat(config.options())
                .containsEntry("model", "base")
                .containsEntry("eval", "dev.jsonl")
                .containsEntry("label-words", List.of(" bad", " good"))
                .containsEntry("seq-len", 64)
                .containsEntry("seed", "0xffffffffffffffff")
                .containsEntry("perturbation", "rademacher")
                .containsEntry("dtype", "bfloat16")
                .containsEntry("overlap", true)
                .containsEntry("trace", "trace.json");
        assertThat(jsonl().build().options()).doesNotContainKeys("eval", "dtype");
    }

    static Stream<Arguments> refusals() {
        return Stream.of(
                refusal("--steps: 0", () -> jsonl().steps(0)),
                refusal("--lr: -1.0", () -> jsonl().lr(-1)),
                refusal("--lr: NaN", () -> jsonl().lr(Double.NaN)),
                refusal("--lr: Infinity", () -> jsonl().lr(Double.POSITIVE_INFINITY)),
                refusal("--eps: 0.0", () -> jsonl().eps(0)),
                refusal("--eps: NaN", () -> jsonl().eps(Double.NaN)),
                refusal("--eps: 1.0E-300 is 0.0 in float32", () -> jsonl().eps(1e-300)),
                refusal("--eps: 1.0E300 is Infinity in float32", () -> jsonl().eps(1e300)),
                refusal("--weight-decay: -0.1", () -> jsonl().weightDecay(-0.1)),
                refusal("--warmup: -1", () -> jsonl().warmup(-1)),
                refusal("--warmup: 11", () -> jsonl().steps(10).warmup(11)),
                refusal("--queries: 0", () -> jsonl().queries(0)),
                refusal("--fold-every: 0", () -> jsonl().foldEvery(0)),
                refusal("--rank: 0", () -> jsonl().rank(0)),
                refusal("--window: 0", () -> jsonl().window(0)),
                refusal("--beta: 1.0", () -> jsonl().beta(1)),
                refusal("--beta: -0.1", () -> jsonl().beta(-0.1)),
                refusal(
                        "--optimizer: lozo-m does not work with rademacher",
                        () -> jsonl().optimizer("lozo-m").perturbation("rademacher")),
                refusal(
                        "--fold-every: 20 does not divide",
                        () -> jsonl().perturbation("low-rank").foldEvery(20)),
                refusal("--optimizer: unknown name 'adam'", () -> jsonl().optimizer("adam")),
                refusal("--perturbation: unknown name 'x'", () -> jsonl().perturbation("x")),
                refusal("--lr-schedule: unknown name 'x'", () -> jsonl().schedule("x")),
                refusal("--dtype: int8", () -> jsonl().dtype(DType.I8)),
                refusal("--batch-size: 0", () -> jsonl().batchSize(0)),
                refusal("--micro-batch: 0", () -> jsonl().microBatch(0)),
                refusal("--micro-batch: 17", () -> jsonl().microBatch(17)),
                refusal("--seq-len: 1", () -> jsonl().seqLen(1)),
                refusal("--label-words: one word", () -> jsonl().labelWords(List.of("a"))),
                refusal("--label-words: a word", () -> jsonl().labelWords(List.of("a", ""))),
                refusal("--label-words: two", () -> jsonl().labelWords(List.of("a", "a"))),
                refusal("--eval-split: 1.0", () -> text().evalSplit(1)),
                refusal("--eval-split: NaN", () -> text().evalSplit(Double.NaN)),
                refusal(
                        "--eval-split: an evaluation",
                        () -> text().evalSplit(0.1).eval(Path.of("e.txt"))),
                refusal("--eval-every: there is nothing", () -> jsonl().evalEvery(5)),
                refusal("--eval-every: -1", () -> jsonl().eval(Path.of("e.jsonl")).evalEvery(-1)),
                refusal("--checkpoint-every: -1", () -> jsonl().checkpointEvery(-1)),
                refusal(
                        "--out: base/../base is the base",
                        () ->
                                TuneConfig.builder(
                                        Path.of("base"),
                                        Path.of("train.jsonl"),
                                        Path.of("base/../base"))),
                refusal("--device: 'gpu'", () -> jsonl().memory(memory("gpu", 2))),
                refusal("--device: 'cuda:x'", () -> jsonl().memory(memory("cuda:x", 2))),
                refusal("--prefetch: 0", () -> jsonl().memory(memory("cpu", 0))),
                refusal("--host-budget: a budget", () -> jsonl().memory(budgets(0, 1))),
                refusal("--nvme-budget: there is no", () -> jsonl().memory(budgets(1, 1))));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("refusals")
    void refusesWhatCannotBeMeantAndNamesTheMend(
            String start, Supplier<TuneConfigBuilder> builder) {
        assertThatThrownBy(() -> builder.get().build())
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith(start)
                .hasMessageMatching("--[a-z-]+: [^\\n]+; (give|add|put|known names:) [^\\n]+");
    }

    @Test
    void checksTheOtherCommandsToo() {
        assertThatThrownBy(() ->
                        new EvalConfig(
                                Path.of("m"),
                                Path.of("d"),
                                Metric.LOSS,
                                TaskConfig.DEFAULT,
                                0,
                                MemoryConfig.DEFAULT))
                .hasMessageStartingWith("--batch-size: 0");
        assertThatThrownBy(() -> new GenerateConfig(Path.of("m"), "hello", 0, MemoryConfig.DEFAULT))
                .hasMessageStartingWith("--max-new-tokens: 0");
    }

    @Test
    void keepsItsOwnCopyOfTheLabelWords() {
        List<String> words = new ArrayList<>(List.of("a", "b"));
        TaskConfig task = new TaskConfig(Optional.empty(), words, OptionalInt.empty(), true);
        words.clear();

        assertThat(task.labelWords()).containsExactly("a", "b");
    }

    private static Arguments refusal(String start, Supplier<TuneConfigBuilder> builder) {
        return Arguments.of(start, builder);
    }

    private static TuneConfigBuilder jsonl() {
        return TuneConfig.builder(Path.of("base"), Path.of("train.jsonl"), Path.of("out"));
    }

    private static TuneConfigBuilder text() {
        return TuneConfig.builder(Path.of("base"), Path.of("train.txt"), Path.of("out"));
    }

    private static MemoryConfig memory(String device, int prefetch) {
        return new MemoryConfig(
                device,
                OptionalLong.empty(),
                OptionalLong.empty(),
                Optional.empty(),
                OptionalLong.empty(),
                prefetch,
                true);
    }

    private static MemoryConfig budgets(long host, long nvme) {
        return new MemoryConfig(
                "cpu",
                OptionalLong.empty(),
                OptionalLong.of(host),
                Optional.empty(),
                OptionalLong.of(nvme),
                2,
                true);
    }
}
