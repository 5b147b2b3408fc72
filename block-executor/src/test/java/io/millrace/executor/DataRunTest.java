package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.data.Offset.offset;

import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.config.data.Keep;
import io.millrace.executor.config.data.SampleSettings;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.run.EvalResult;
import io.millrace.executor.run.RunSummary;
import io.millrace.memory.BadInputException;
import io.millrace.model.Checkpoint;
import io.millrace.optim.objective.Objectives;
import io.millrace.optim.option.Settings;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs on data as it is found, and what ends and judges them. */
class DataRunTest {
    @TempDir Path temp;

    private TuneConfigBuilder config(Path train, String name) {
        return TuneConfig.builder(Reviews.MODEL, train, temp.resolve(name))
                .steps(4)
                .batchSize(3)
                .lr(1e-3)
                .eps(1e-2);
    }

    private Path sst2(String name, int rows) throws IOException {
        List<String> lines = new ArrayList<>(List.of("sentence\tlabel"));
        for (String line : Files.readAllLines(Reviews.labelled(temp, rows))) {
            JsonObject review = Json.parseObject(line);
            lines.add(review.string("text") + "\t" + review.integer("label"));
        }
        return Files.write(temp.resolve(name), lines);
    }

    private TuneConfigBuilder task(Path train, String name) {
        return config(train, name)
                .paperTask("sst2")
                .method(SampleSettings.TRAIN, 8)
                .method(SampleSettings.DEV, 4)
                .seqLen(96)
                .evalEvery(2)
                .evalMetric(Metric.ACCURACY)
                .keep(Keep.BEST);
    }

    @Test
    void aTaskGoesOnWithItsOwnDataAlone() throws IOException {
        Path train = sst2("train.tsv", 20);
        RunSummary whole = TuningRun.run(task(train, "whole").build(), RunListener.SILENT);
        assertThat(whole.after().examples()).isEqualTo(4);
        TuningRun.run(task(train, "parts").build(), Runs.stopAfter(2));
        TuningRun.run(task(train, "parts").resume(true).build(), RunListener.SILENT);
        assertThat(Runs.result(temp.resolve("parts")))
                .containsExactlyEntriesOf(Runs.result(temp.resolve("whole")));
        String header = Files.readAllLines(temp.resolve("whole/journal.jsonl")).getFirst();
        assertThat(header).contains("\"objective\":\"choice\"");

        TuningRun.run(task(train, "other").build(), Runs.stopAfter(2));
        Files.writeString(train, Files.readString(train).replace(" the ", " a "));
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() ->
                        TuningRun.run(
                                task(train, "other").resume(true).build(), RunListener.SILENT))
                .withMessageContaining("field 'data' is ");
    }

    /** The same questions with candidates of the rows' own, packed as another format. */
    private Path choices(int rows) throws IOException {
        List<Object> choices = new ArrayList<>();
        for (String line : Files.readAllLines(Reviews.labelled(temp, rows))) {
            JsonObject review = Json.parseObject(line);
            choices.add(
                    Map.of(
                            "prompt",
                            review.string("text") + " verdict :",
                            "choices",
                            Reviews.WORDS,
                            "answer",
                            review.integer("label")));
        }
        return Files.writeString(temp.resolve("choices.json"), Json.writePretty(choices));
    }

    @Test
    void choicesOfARowsOwnAreJudgedAsLabelsAre() throws IOException {
        Path labelled = Reviews.labelled(temp, 7);
        Path choices = choices(7);
        EvalResult expected = eval(labelled, Metric.ACCURACY, Reviews.TASK, 4);
        assertThat(eval(choices, Metric.ACCURACY, TaskConfig.DEFAULT, 4)).isEqualTo(expected);
        for (String objective : List.of("choice", "accuracy", "loss")) {
            String name = "labelled-" + objective;
            TuneConfigBuilder a = config(labelled, name).task(Reviews.TASK);
            TuneConfigBuilder b = config(choices, "choices-" + objective);
            for (TuneConfigBuilder one : List.of(a, b)) {
                one.method(Objectives.KINDS.naming(), objective);
                TuningRun.run(one.build(), RunListener.SILENT);
            }
            assertThat(Runs.result(temp.resolve("choices-" + objective)))
                    .containsExactlyEntriesOf(Runs.result(temp.resolve(name)));
        }
    }

    @Test
    void rowsMayHaveDifferentlyManyCandidates() throws IOException {
        Path file =
                Files.writeString(
                        temp.resolve("a.jsonl"),
                        """
                        {"prompt":"the film is","choices":[" good"," a bad one"],"answer":0}
                        {"prompt":"so it is","choices":[" x"," the y of z"," no"," yes"],"answer":3}
                        {"prompt":"it was","choices":[" so long"," fun"," dull"],"answer":1}
                        """);
        EvalResult one = eval(file, Metric.ACCURACY, TaskConfig.DEFAULT, 1);
        EvalResult all = eval(file, Metric.ACCURACY, TaskConfig.DEFAULT, 16);
        assertThat(all.accuracy()).isEqualTo(one.accuracy());
        assertThat(all.loss()).isCloseTo(one.loss(), offset(1e-5));
        TuneConfigBuilder run = config(file, "run").batchSize(2).microBatch(1);
        run.method(Objectives.KINDS.naming(), "choice");
        assertThat(TuningRun.run(run.build(), RunListener.SILENT).stepsDone()).isEqualTo(4);
    }

    private static EvalResult eval(Path data, Metric metric, TaskConfig task, int batch) {
        return Evaluation.run(
                new EvalConfig(Reviews.MODEL, data, metric, task, batch, MemoryConfig.DEFAULT));
    }

    @Test
    void answersAreJudgedOnTheWay() throws IOException {
        Path prompts = Reviews.prompts(temp, 6);
        TuneConfigBuilder run =
                config(prompts, "run").steps(2).eval(prompts).evalEvery(1).evalMetric(Metric.F1);
        RunSummary summary = TuningRun.run(run.build(), RunListener.SILENT);
        EvalResult base = eval(prompts, Metric.F1, TaskConfig.DEFAULT, 3);
        assertThat(summary.before().f1()).isEqualTo(base.f1()).isBetween(0.0, 1.0);
        assertThat(eval(prompts, Metric.F1, TaskConfig.DEFAULT, 5).f1()).isEqualTo(base.f1());
        assertThat(Files.readString(temp.resolve("run/metrics.jsonl")))
                .contains("\"eval_f1\":", "\"eval_exact_match\":");
    }

    @Test
    void aRunEndsWhenEvaluationsAreNoBetter() throws IOException {
        Path labelled = Reviews.labelled(temp, 6);
        TuneConfigBuilder run =
                config(labelled, "run")
                        .task(Reviews.TASK)
                        .lr(1e-30)
                        .steps(50)
                        .eval(labelled)
                        .evalEvery(1)
                        .method(OutputConfig.PATIENCE, 2);
        RunSummary summary = TuningRun.run(run.build(), RunListener.SILENT);
        assertThat(summary.end()).isEqualTo(RunSummary.End.PATIENCE);
        assertThat(summary.stepsDone()).isEqualTo(2);
        assertThat(temp.resolve("run/config.json")).exists();
        RunSummary again = TuningRun.run(run.resume(true).build(), RunListener.SILENT);
        assertThat(again.end()).isEqualTo(RunSummary.End.PATIENCE);
        assertThat(again.stepsDone()).isEqualTo(2);
    }

    @Test
    void aRunEndsAfterItsTimeAndGoesOn() throws IOException {
        Path labelled = Reviews.labelled(temp, 6);
        TuneConfigBuilder run = config(labelled, "run").task(Reviews.TASK);
        run.method(OutputConfig.MAX_TIME, Duration.ofNanos(1));
        RunSummary summary = TuningRun.run(run.build(), RunListener.SILENT);
        assertThat(summary.end()).isEqualTo(RunSummary.End.TIME);
        assertThat(summary.stepsDone()).isEqualTo(1);
        assertThat(temp.resolve("run/config.json")).exists();
        TuneConfigBuilder more = config(labelled, "run").task(Reviews.TASK).resume(true);
        TuningRun.run(more.build(), RunListener.SILENT);
        TuningRun.run(config(labelled, "whole").task(Reviews.TASK).build(), RunListener.SILENT);
        assertThat(Files.readAllBytes(temp.resolve("run/journal.jsonl")))
                .isEqualTo(Files.readAllBytes(temp.resolve("whole/journal.jsonl")));
    }

    @Test
    void theNewestCheckpointsStay() throws IOException {
        Path labelled = Reviews.labelled(temp, 6);
        TuneConfigBuilder run =
                config(labelled, "run")
                        .task(Reviews.TASK)
                        .steps(7)
                        .checkpointEvery(2)
                        .keep(Keep.newest(2));
        TuningRun.run(run.build(), RunListener.SILENT);
        assertThat(temp.resolve("run/checkpoints").toFile().list())
                .containsExactlyInAnyOrder("step-4", "step-6");
        for (String step : List.of("step-4", "step-6")) {
            try (Checkpoint checkpoint = Checkpoint.open(temp.resolve("run/checkpoints", step))) {
                assertThat(checkpoint.scan().fingerprint()).isNotEmpty();
            }
        }
        TuningRun.run(run.steps(9).resume(true).build(), RunListener.SILENT);
        TuningRun.run(
                config(labelled, "whole").task(Reviews.TASK).steps(9).build(), RunListener.SILENT);
        assertThat(Files.readAllBytes(temp.resolve("run/journal.jsonl")))
                .isEqualTo(Files.readAllBytes(temp.resolve("whole/journal.jsonl")));
        assertThat(temp.resolve("run/checkpoints").toFile().list())
                .containsExactlyInAnyOrder("step-6", "step-8");
    }

    @Test
    void aFractionOfAnyDataIsHeldOut() throws IOException {
        Path labelled = Reviews.labelled(temp, 10);
        TuneConfigBuilder run = config(labelled, "run").task(Reviews.TASK).evalSplit(0.3);
        assertThat(TuningRun.run(run.build(), RunListener.SILENT).after().examples()).isEqualTo(3);
    }

    @Test
    void aTaskIsForAModelThatCanDoIt() throws IOException {
        Path train = sst2("train.tsv", 6);
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() ->
                        TuningRun.run(
                                config(train, "run").paperTask("mnli").build(), RunListener.SILENT))
                .withMessageStartingWith("--task: mnli is no task for a ");
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() ->
                        new TaskConfig(
                                Settings.NONE
                                        .with(SampleSettings.TASK, "rte")
                                        .with(TaskConfig.TEMPLATE, "{text}")))
                .withMessageStartingWith("--template: is given with --task");
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> new TaskConfig(Settings.NONE.with(SampleSettings.SHOTS, 4)))
                .withMessageStartingWith("--shots: is given without --task");
    }
}
