package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.adapter.Ia3Kind;
import io.millrace.executor.adapter.LoraKind;
import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.GenerateConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.Seeds;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.run.EvalResult;
import io.millrace.memory.BadInputException;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.text.ClassificationExample;
import io.millrace.model.text.Dataset;
import io.millrace.model.text.Tokenizer;
import io.millrace.model.text.data.DatasetReader;
import io.millrace.model.text.option.DatasetOptions;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.objective.Objectives;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A masked language model in a folder as RoBERTa's are published ({@code pytorch_model.bin}, with a
 * copy of the tied head, a buffer of positions and a pooler; {@code vocab.json} and {@code
 * merges.txt}), asked for label words at a mask. Ids, losses and steps are those of PyTorch and
 * transformers, in float64.
 */
class MaskedRunTest {
    private static final String GOLDEN = "roberta-published";
    private static final Path MODEL = Golden.path(GOLDEN);
    private static final Path DATA = MODEL.resolve("train.jsonl");
    private static final JsonObject TRACE = Golden.json(GOLDEN + "/trace.json");
    private static final String TEMPLATE = TRACE.string("template");
    private static final List<String> WORDS =
            TRACE.array("label_words").stream().map(Object::toString).toList();
    private static final int SEQ_LEN = (int) TRACE.integer("seq_len");
    private static final TaskConfig TASK =
            new TaskConfig(Optional.of(TEMPLATE), WORDS, OptionalInt.of(SEQ_LEN), true);

    @TempDir Path temp;

    /** One text is too long, and loses what is farthest from its mask. */
    @Test
    void textsBecomeTheIdsOfTransformers() {
        Dataset data;
        try (Tokenizer tokenizer = Tokenizer.of(MODEL)) {
            data =
                    DatasetReader.read(
                            DATA,
                            DatasetOptions.of(SEQ_LEN, 64, 135)
                                    .withClassification(TEMPLATE, WORDS)
                                    .masked(),
                            tokenizer);
        }
        List<?> ids = TRACE.array("ids");
        assertThat(data.classification()).hasSameSizeAs(ids);
        for (int i = 0; i < ids.size(); i++) {
            ClassificationExample example = data.classification().get(i);
            assertThat(example.truth().ids())
                    .as("text %d", i)
                    .containsExactly(
                            ((List<?>) ids.get(i))
                                    .stream().mapToInt(id -> ((Long) id).intValue()).toArray());
            assertThat(example.words())
                    .containsExactly(
                            TRACE.array("words").stream()
                                    .mapToInt(id -> ((Long) id).intValue())
                                    .toArray());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 5, 12})
    void lossAndAccuracyAreThoseOfTransformers(int together) {
        EvalResult result = eval(MODEL, together);
        JsonObject before = TRACE.object("before");
        assertThat(result.loss()).isCloseTo(before.number("loss"), within(1e-6));
        assertThat(result.accuracy()).isCloseTo(before.number("accuracy"), within(1e-12));
    }

    private static EvalResult eval(Path model, int together) {
        return Evaluation.run(
                new EvalConfig(model, DATA, Metric.ACCURACY, TASK, together, MemoryConfig.DEFAULT));
    }

    @ParameterizedTest
    @CsvSource({"trace, 4", "trace, 3", "trace-q2, 5"})
    void reproducesTheTrace(String name, int microBatch) {
        JsonObject trace = Golden.json(GOLDEN + "/" + name + ".json");
        JsonObject settings = trace.object("settings");
        Path out = temp.resolve("out");
        TuneConfig config =
                TuneConfig.builder(MODEL, DATA, out)
                        .task(TASK)
                        .batchSize((int) settings.integer("batch_size"))
                        .microBatch(microBatch)
                        .shuffle(false)
                        .steps(settings.integer("steps"))
                        .seed(Seeds.parse(settings.string("run_seed")))
                        .lr(settings.number("lr"))
                        .eps(settings.number("eps"))
                        .weightDecay(settings.number("weight_decay"))
                        .queries((int) settings.integer("queries"))
                        .build();
        TuningRun.run(config, RunListener.SILENT);
        TraceCheck check = TraceCheck.of(trace.object("bounds"));
        check.steps(
                JournalReader.read(out.resolve("journal.jsonl")).records(),
                Golden.objects(trace.array("steps")));
        try (SafetensorsFile tuned = SafetensorsFile.open(out.resolve("model.safetensors"))) {
            List<JsonObject> weights = Golden.objects(trace.array("final_weights"));
            for (JsonObject tensor : weights) {
                check.weights(tuned, tensor.string("name"), tensor);
            }
            assertThat(tuned.tensors().keySet())
                    .doesNotContain("lm_head.decoder.weight", "roberta.embeddings.position_ids")
                    .contains("roberta.pooler.dense.weight");
        }
        EvalResult after = eval(out, 4);
        assertThat(after.loss()).isCloseTo(trace.object("after").number("loss"), within(2e-5));
    }

    @ParameterizedTest
    @CsvSource({
        "loss, gaussian, two-sided",
        "loss, low-rank, two-sided",
        "loss, rademacher, one-sided",
        "accuracy, gaussian, two-sided"
    })
    void makesTheSameBytesEverywhere(String objective, String direction, String estimator)
            throws IOException {
        Map<String, byte[]> expected =
                Runs.result(run(objective, direction, estimator, "memory", MemoryConfig.DEFAULT));
        assertThat(JournalReader.read(temp.resolve("memory/journal.jsonl")).records())
                .anyMatch(record -> !record.isFlat());
        long least =
                Runs.smallestBudget(budget ->
                        config(
                                objective,
                                direction,
                                estimator,
                                "probe" + budget,
                                Runs.host(DeviceName.CPU, budget)));
        MemoryConfig small = Runs.host(DeviceName.CPU, least);
        Runs.assertSame(run(objective, direction, estimator, "small", small), expected, "streamed");
        MemoryConfig emulated = Runs.memory(DeviceName.EMULATED, OptionalLong.empty());
        Runs.assertSame(
                run(objective, direction, estimator, "emulated", emulated), expected, "emulated");

        TuneConfigBuilder stopped = config(objective, direction, estimator, "resumed", small);
        TuningRun.run(stopped.build(), Runs.stopAfter(2));
        TuneConfigBuilder goesOn =
                config(objective, direction, estimator, "resumed", MemoryConfig.DEFAULT);
        Runs.assertSame(
                TuningRun.run(goesOn.resume(true).build(), RunListener.SILENT).out(),
                expected,
                "resumed");
        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(MODEL, temp.resolve("memory").resolve("journal.jsonl"), rebuilt);
        assertThat(Files.readAllBytes(rebuilt.resolve("model.safetensors")))
                .isEqualTo(expected.get("model.safetensors"));
    }

    private TuneConfigBuilder config(
            String objective, String direction, String estimator, String out, MemoryConfig memory) {
        return TuneConfig.builder(MODEL, DATA, temp.resolve(out))
                .task(TASK)
                .batchSize(5)
                .microBatch(2)
                .steps(4)
                .seed(11)
                .lr(1e-2)
                .eps(objective.equals("loss") ? 1e-3 : 0.3)
                .queries(2)
                .perturbation(direction)
                .rank(1)
                .estimator(estimator)
                .method(Objectives.KINDS.naming(), objective)
                .memory(memory);
    }

    private Path run(
            String objective, String direction, String estimator, String out, MemoryConfig memory) {
        return TuningRun.run(
                        config(objective, direction, estimator, out, memory).build(),
                        RunListener.SILENT)
                .out();
    }

    /** PEFT takes a masked language model as it is, where it is told of no task. */
    @ParameterizedTest
    @ValueSource(strings = {"lora", "ia3"})
    void adaptersBesideItAreOfNoTask(String kind) throws IOException {
        Path out = temp.resolve("out");
        TuneConfigBuilder run =
                config("loss", "gaussian", "two-sided", "out", MemoryConfig.DEFAULT).tune(kind);
        TuneConfigBuilder named =
                kind.equals("lora")
                        ? run.method(LoraKind.TARGETS, List.of("query", "value"))
                        : run.method(Ia3Kind.TARGETS, List.of("key", "value"));
        TuningRun.run(named.lr(0.3).build(), RunListener.SILENT);
        JsonObject config = Golden.parse(out.resolve("adapter_config.json"));
        assertThat(config.raw("task_type")).isNull();
        EvalResult beside =
                Evaluation.run(
                        new EvalConfig(
                                MODEL,
                                DATA,
                                EvalConfig.Asked.of(Metric.ACCURACY),
                                TASK,
                                4,
                                MemoryConfig.DEFAULT,
                                Optional.of(out)));
        assertThat(beside.loss()).isNotCloseTo(eval(MODEL, 4).loss(), within(1e-4));
    }

    @Test
    void refusesVirtualTokens() {
        TuneConfigBuilder run =
                config("loss", "gaussian", "two-sided", "out", MemoryConfig.DEFAULT).tune("prompt");
        assertThatThrownBy(() -> TuningRun.run(run.build(), RunListener.SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--prompt-tokens: PEFT has no virtual tokens for a roberta");
    }

    /** As many words as there are tokens, and more: all of them are asked for in one place. */
    @Test
    void asksForMoreWordsThanATextHasTokens() throws IOException {
        Path data =
                Files.writeString(
                        temp.resolve("short.jsonl"),
                        "{\"text\": \"a\", \"label\": 19}\n{\"text\": \"b\", \"label\": 3}\n");
        List<String> letters =
                "abcdefghijklmnopqrstuvwxyz".chars().mapToObj(Character::toString).toList();
        TaskConfig task =
                new TaskConfig(Optional.of("{mask}{text}"), letters, OptionalInt.of(8), true);
        double both = loss(data, task, 2);
        double apart = loss(data, task, 1);
        assertThat(both).isEqualTo(apart, within(1e-12)).isPositive();
        TuneConfigBuilder run =
                TuneConfig.builder(MODEL, data, temp.resolve("out"))
                        .task(task)
                        .batchSize(2)
                        .steps(1);
        TuningRun.run(run.build(), RunListener.SILENT);
    }

    private static double loss(Path data, TaskConfig task, int together) {
        return Evaluation.run(
                        new EvalConfig(
                                MODEL, data, Metric.LOSS, task, together, MemoryConfig.DEFAULT))
                .loss();
    }

    @ParameterizedTest
    @CsvSource({
        "{text} It was great, has 0 masks in its prompt",
        "{mask}{text}{mask}, has 2 masks in its prompt"
    })
    void refusesATemplateWithoutOneMask(String template, String why) {
        refused(template, List.of("a", "b"), DATA, why);
    }

    @Test
    void refusesWhatAMaskCannotStandFor() throws IOException {
        refused(TEMPLATE, List.of(" great", " awful"), DATA, "' awful' is 5 tokens");
        Path text = Files.writeString(temp.resolve("t.jsonl"), "{\"text\": \"a\"}\n");
        refused("{text}{mask}", List.of(), text, "the model is a masked language model");
        Path ids = Files.writeString(temp.resolve("i.jsonl"), "{\"input_ids\": [5, 6]}\n");
        refused("{text}{mask}", List.of(), ids, "field 'labels' is missing");
        assertThatThrownBy(() ->
                        Generation.run(new GenerateConfig(MODEL, "a", 3, MemoryConfig.DEFAULT)))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("goes on with a text");
    }

    private static void refused(String template, List<String> words, Path data, String why) {
        TaskConfig task =
                new TaskConfig(Optional.of(template), words, OptionalInt.of(SEQ_LEN), true);
        assertThatThrownBy(() -> loss(data, task, 2))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(why)
                .hasMessageNotContaining("\n");
    }

    /** Of labels that are given with ids, each is of its own place. */
    @Test
    void scoresLabelsInTheirOwnPlaces() throws IOException {
        List<?> ids = (List<?>) TRACE.array("ids").getFirst();
        long mask = ids.stream().mapToLong(id -> (Long) id).max().orElseThrow();
        int place = ids.indexOf(mask);
        List<Long> labels = new ArrayList<>(Collections.nCopies(ids.size(), -100L));
        labels.set(place, (Long) TRACE.array("words").get(1));
        Path data = Golden.writeTokenised(temp.resolve("ids.jsonl"), List.of(ids), List.of(labels));
        double loss =
                loss(
                        data,
                        new TaskConfig(Optional.empty(), List.of(), OptionalInt.empty(), true),
                        1);
        // The vocabulary has more words than the two, so that each is less likely.
        Path one =
                Files.writeString(
                        temp.resolve("one.jsonl"), Files.readAllLines(DATA).getFirst() + "\n");
        assertThat(loss).isGreaterThan(loss(one, TASK, 1));
    }
}
