package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.GenerateConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.text.Tokenizer;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.Journal;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.journal.JournalWriter;
import io.millrace.optim.objective.AnswerF1;
import io.millrace.optim.objective.Objectives;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Objectives without a gradient: a step's values are those of models saved at θ ± εz and evaluated,
 * and runs make the same bytes wherever blocks lie, stopped, resumed and replayed.
 */
class ObjectivesRunTest {
    private static final int ROWS = 6;

    @TempDir Path temp;

    @ParameterizedTest
    @ValueSource(strings = {"two-sided", "one-sided"})
    void accuracyIsThatOfAModelSavedWhereAQueryAsks(String estimator) throws IOException {
        Path data = Reviews.labelled(temp, ROWS);
        TuneConfigBuilder run = Reviews.accuracy(data, temp.resolve("out"), MemoryConfig.DEFAULT);
        TuningRun.run(
                run.estimator(estimator)
                        .queries(estimator.equals("two-sided") ? 1 : 2)
                        .batchSize(ROWS)
                        .steps(1)
                        .build(),
                RunListener.SILENT);
        check(
                estimator,
                model ->
                        1
                                - Evaluation.run(
                                                new EvalConfig(
                                                        model,
                                                        data,
                                                        Metric.ACCURACY,
                                                        Reviews.TASK,
                                                        5,
                                                        MemoryConfig.DEFAULT))
                                        .accuracy());
    }

    @Test
    void f1IsThatOfGreedyAnswersOfAModelSavedWhereAQueryAsks() throws IOException {
        Path data = Reviews.prompts(temp, ROWS);
        TuneConfigBuilder run = Reviews.f1(data, temp.resolve("out"), MemoryConfig.DEFAULT);
        TuningRun.run(run.queries(1).batchSize(ROWS).steps(1).build(), RunListener.SILENT);
        List<JsonObject> rows = Files.readAllLines(data).stream().map(Json::parseObject).toList();
        check("two-sided", model -> rows.stream().mapToDouble(row -> f1(model, row)).sum() / ROWS);
    }

    /** Token by token over kept keys and values, where a step goes through all tokens anew. */
    private static double f1(Path model, JsonObject row) {
        Generation.Result result =
                Generation.run(
                        new GenerateConfig(model, row.string("prompt"), 5, MemoryConfig.DEFAULT));
        try (Tokenizer tokenizer = Tokenizer.of(model)) {
            String answer = tokenizer.decode(result.newIds()).split("\n", -1)[0];
            return new AnswerF1(5).of(answer.strip(), List.of(row.string("completion")));
        }
    }

    private interface Value {
        double of(Path model);
    }

    /** Holds each value of the one step to that of the model at its place, not all of one kind. */
    private void check(String estimator, Value value) {
        Journal journal = JournalReader.read(temp.resolve("out").resolve("journal.jsonl"));
        StepRecord step = journal.records().getFirst();
        double base = value.of(Reviews.MODEL);
        boolean moved = false;
        for (QueryResult query : step.queries()) {
            double plus = value.of(saved(journal, query.seed(), 1));
            double other =
                    estimator.equals("one-sided")
                            ? base
                            : value.of(saved(journal, query.seed(), -1));
            assertThat(query.losses().get(0)).isCloseTo(plus, within(1e-12));
            assertThat(query.losses().get(1)).isCloseTo(other, within(1e-12));
            moved |= plus != other;
        }
        assertThat(moved).as("a slope that is not 0").isTrue();
    }

    /** The model at θ ± εz, as one step of a journal makes it. */
    private Path saved(Journal journal, long seed, int sign) {
        StepRecord step = journal.records().getFirst();
        String name = Long.toHexString(seed) + sign;
        Path file = temp.resolve(name + ".jsonl");
        try (JournalWriter writer = JournalWriter.create(file, journal.header())) {
            writer.append(
                    new StepRecord(
                            1,
                            step.seed(),
                            step.eps(),
                            step.eps(),
                            0,
                            0,
                            List.of(new QueryResult(seed, List.of(0.0), -sign))));
            writer.force();
        }
        Path out = temp.resolve(name);
        Replay.run(Reviews.MODEL, file, out);
        return out;
    }

    @Test
    void makesTheSameBytesEverywhere() throws IOException {
        sameBytesEverywhere("accuracy");
    }

    @Tag("long")
    @Test
    void soDoAnswers() throws IOException {
        sameBytesEverywhere("f1");
    }

    private void sameBytesEverywhere(String objective) throws IOException {
        Map<String, byte[]> expected =
                Runs.result(run(objective, "memory", MemoryConfig.DEFAULT, RunListener.SILENT));
        Journal journal = JournalReader.read(temp.resolve("memory").resolve("journal.jsonl"));
        assertThat(journal.header().extra()).containsEntry("objective", objective);
        assertThat(journal.records()).anyMatch(record -> !record.isFlat());

        long least =
                Runs.smallestBudget(budget ->
                        config(objective, "probe" + budget, Runs.host(DeviceName.CPU, budget)));
        Runs.assertSame(
                run(objective, "small", Runs.host(DeviceName.CPU, least), RunListener.SILENT),
                expected,
                "streamed");
        Runs.assertSame(
                run(
                        objective,
                        "emulated",
                        Runs.memory(DeviceName.EMULATED, OptionalLong.empty()),
                        RunListener.SILENT),
                expected,
                "emulated");
        run(objective, "resumed", Runs.host(DeviceName.CPU, least), Runs.stopAfter(1));
        TuneConfigBuilder goesOn = config(objective, "resumed", MemoryConfig.DEFAULT).resume(true);
        Runs.assertSame(
                TuningRun.run(goesOn.build(), RunListener.SILENT).out(), expected, "resumed");

        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(Reviews.MODEL, temp.resolve("memory").resolve("journal.jsonl"), rebuilt);
        assertThat(Files.readAllBytes(rebuilt.resolve("model.safetensors")))
                .isEqualTo(expected.get("model.safetensors"));
    }

    private TuneConfigBuilder config(String objective, String out, MemoryConfig memory) {
        try {
            return objective.equals("f1")
                    ? Reviews.f1(Reviews.prompts(temp, 6), temp.resolve(out), memory)
                    : Reviews.accuracy(Reviews.labelled(temp, 6), temp.resolve(out), memory);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private Path run(String objective, String out, MemoryConfig memory, RunListener listener) {
        return TuningRun.run(config(objective, out, memory).build(), listener).out();
    }

    /** Words that no example has as its label are what a wrong answer is. */
    @Test
    void anotherWordOfALabelIsOtherData() throws IOException {
        Path data =
                Files.writeString(
                        temp.resolve("one.jsonl"),
                        "{\"text\": \"nothing beats it .\", \"label\": 1}\n");
        TuneConfigBuilder run =
                Reviews.accuracy(data, temp.resolve("out"), MemoryConfig.DEFAULT)
                        .labelWords(Reviews.WORDS);
        TuningRun.run(run.build(), Runs.stopAfter(1));
        assertThatThrownBy(() ->
                        TuningRun.run(
                                run.labelWords(List.of(" bad", " great")).resume(true).build(),
                                RunListener.SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("field 'data'");
        assertThatThrownBy(() ->
                        TuningRun.run(
                                run.labelWords(Reviews.WORDS)
                                        .method(Objectives.KINDS.naming(), "loss")
                                        .build(),
                                RunListener.SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--objective accuracy");
    }

    @Test
    void dataWithoutAnswersIsRefused() throws IOException {
        Path prompts = Reviews.prompts(temp, 2);
        refused(
                Reviews.accuracy(prompts, temp.resolve("no"), MemoryConfig.DEFAULT)
                        .labelWords(List.of()),
                prompts + ": has no labels to be right about");
        Path text = Files.writeString(temp.resolve("text.txt"), "nothing beats it .\n");
        refused(
                Reviews.f1(text, temp.resolve("no"), MemoryConfig.DEFAULT),
                text + ": has no prompts to answer");
        assertThat(temp.resolve("no")).doesNotExist();
    }

    private static void refused(TuneConfigBuilder run, String message) {
        assertThatThrownBy(() -> TuningRun.run(run.build(), RunListener.SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith(message);
    }
}
