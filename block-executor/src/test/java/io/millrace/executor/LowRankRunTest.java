package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.run.RunSummary;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.Journal;
import io.millrace.optim.journal.JournalReader;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Runs with low-rank directions: the same bytes however they go, and weights written rarely. */
class LowRankRunTest {
    @TempDir Path temp;

    @ParameterizedTest
    @CsvSource({
        // model, dtype, window, folds every, checkpoint every, stopped after, optimizer
        "llama, bfloat16, 2, 2, 2, 5, lozo-m",
        "opt, float32, 4, 2, 3, 2, mezo-adam",
        "gpt2, bfloat16, 50, 50, 2, 4, lozo-m"
    })
    void twoRunsAStoppedAndResumedRunAndAReplayMakeTheSameBytes(
            String model,
            String dtype,
            int window,
            int foldEvery,
            int checkpointEvery,
            int stopAfter,
            String optimizer)
            throws IOException {
        Path data = Runs.data(temp, 41, 10);
        Path first = temp.resolve("first");
        TuningRun.run(
                config(model, data, first, dtype, window, optimizer).foldEvery(foldEvery).build(),
                RunListener.SILENT);
        Map<String, byte[]> expected = Runs.result(first);
        Path second = temp.resolve("second");
        TuneConfigBuilder again =
                config(model, data, second, dtype, window, optimizer)
                        .foldEvery(foldEvery)
                        .checkpointEvery(checkpointEvery);
        assertThat(TuningRun.run(again.build(), Runs.stopAfter(stopAfter)).interrupted()).isTrue();
        TuningRun.run(again.resume(true).build(), RunListener.SILENT);
        assertSame(Runs.result(second), expected);
        Path replayed = temp.resolve("replayed");
        Replay.run(Golden.path(model), first.resolve("journal.jsonl"), replayed);
        assertThat(Files.readAllBytes(replayed.resolve("model.safetensors")))
                .isEqualTo(expected.get("model.safetensors"));
    }

    @Tag("long")
    @ParameterizedTest
    @CsvSource({
        "llama, float32, 3, 3, 0, 4, mezo-sgd",
        "opt, bfloat16, 3, 3, 1, 6, lozo-m",
        "opt-350m, float16, 3, 1, 2, 3, mezo-sgd"
    })
    void soTheyDoWithOtherWindows(
            String model,
            String dtype,
            int window,
            int foldEvery,
            int checkpointEvery,
            int stopAfter,
            String optimizer)
            throws IOException {
        twoRunsAStoppedAndResumedRunAndAReplayMakeTheSameBytes(
                model, dtype, window, foldEvery, checkpointEvery, stopAfter, optimizer);
    }

    @Test
    void anEvaluationOnTheWaySeesWhatASaveWouldWriteAndChangesNothing() throws IOException {
        Path data = Runs.data(temp, 42, 10);
        Path plain = temp.resolve("plain");
        TuningRun.run(
                config("qwen3", data, plain, "bfloat16", 3, "lozo-m").build(), RunListener.SILENT);
        Path watched = temp.resolve("watched");
        RunSummary summary =
                TuningRun.run(
                        config("qwen3", data, watched, "bfloat16", 3, "lozo-m")
                                .eval(data)
                                .evalEvery(2)
                                .build(),
                        RunListener.SILENT);
        assertThat(Runs.result(watched).get("model.safetensors"))
                .isEqualTo(Runs.result(plain).get("model.safetensors"));
        Path shorter = temp.resolve("shorter");
        double loss =
                TuningRun.run(
                                config("qwen3", data, shorter, "bfloat16", 3, "lozo-m")
                                        .steps(4)
                                        .eval(data)
                                        .build(),
                                RunListener.SILENT)
                        .after()
                        .loss();
        assertThat(evalLoss(watched, 4)).isEqualTo(loss);
        assertThat(summary.after().loss()).isNotEqualTo(loss);
    }

    @Test
    void microBatchesChangeLossesByRoundingOnly() throws IOException {
        Path data = Runs.data(temp, 43, 10);
        List<StepRecord> whole =
                journal(config("llama", data, temp.resolve("whole"), "float32", 3, "mezo-sgd"));
        for (int microBatch : new int[] {1, 3}) {
            Path out = temp.resolve("micro-" + microBatch);
            List<StepRecord> cut =
                    journal(
                            config("llama", data, out, "float32", 3, "mezo-sgd")
                                    .microBatch(microBatch));
            for (int step = 0; step < whole.size(); step++) {
                for (int query = 0; query < 2; query++) {
                    assertThat(cut.get(step).queries().get(query).losses().get(0))
                            .isEqualTo(
                                    whole.get(step).queries().get(query).losses().get(0),
                                    within(1e-6));
                }
            }
        }
    }

    @Test
    void theJournalSaysAllThatDecidesTheDirection() throws IOException {
        Path data = Runs.data(temp, 45, 10);
        Path out = temp.resolve("out");
        TuningRun.run(config("opt", data, out, "float32", 3, "lozo-m").build(), Runs.stopAfter(2));
        Journal journal = JournalReader.read(out.resolve("journal.jsonl"));
        assertThat(journal.header().direction()).isEqualTo("low-rank");
        assertThat(journal.header().optimizer()).isEqualTo("lozo-m");
        assertThat(journal.header().foldEvery()).isEqualTo(3);
        assertThat(journal.header().extra())
                .containsEntry("rank", 2L)
                .containsEntry("window", 3L)
                .containsEntry("beta", 0.9);
        assertThatThrownBy(() ->
                        TuningRun.run(
                                config("opt", data, out, "float32", 3, "lozo-m")
                                        .rank(3)
                                        .resume(true)
                                        .build(),
                                RunListener.SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("'rank' is 2, and this run has 3");
    }

    @Test
    void aRankAboveASideOfAMatrixIsRefusedBeforeAnythingIsWritten() throws IOException {
        Path data = Runs.data(temp, 46, 10);
        Path out = temp.resolve("out");
        assertThatThrownBy(() ->
                        TuningRun.run(
                                config("opt", data, out, "float32", 3, "mezo-sgd").rank(65).build(),
                                RunListener.SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--rank: 65 exceeds a side of")
                .hasMessageContaining("at most 64");
        assertThat(out).doesNotExist();
    }

    private static double evalLoss(Path out, long step) throws IOException {
        for (String line : Files.readAllLines(out.resolve("metrics.jsonl"))) {
            JsonObject fields = Json.parseObject(line);
            if (fields.has("eval_loss") && fields.integer("step") == step) {
                return fields.number("eval_loss");
            }
        }
        throw new AssertionError("no evaluation after step " + step);
    }

    /** Where it is computed. */
    MemoryConfig memory() {
        return MemoryConfig.DEFAULT;
    }

    private TuneConfigBuilder config(
            String model, Path data, Path out, String dtype, int window, String optimizer) {
        return Runs.config(model, data, out)
                .dtype(DType.find(dtype).orElseThrow())
                .perturbation("low-rank")
                .window(window)
                .optimizer(optimizer)
                .memory(memory());
    }

    private static List<StepRecord> journal(TuneConfigBuilder config) {
        Path out = TuningRun.run(config.build(), RunListener.SILENT).out();
        return JournalReader.read(out.resolve("journal.jsonl")).records();
    }

    private static void assertSame(Map<String, byte[]> actual, Map<String, byte[]> expected) {
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        expected.forEach((name, bytes) -> assertThat(actual.get(name)).as(name).isEqualTo(bytes));
    }
}
