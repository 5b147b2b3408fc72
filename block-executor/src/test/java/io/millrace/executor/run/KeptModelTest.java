package io.millrace.executor.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.Golden;
import io.millrace.executor.Runs;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.config.data.Keep;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code --keep best}: the weights of the evaluated step with the lowest held-out loss. */
class KeptModelTest {
    @TempDir Path temp;
    private Path train;
    private Path eval;

    @BeforeEach
    void writeData() throws IOException {
        train = Runs.data(temp, 71, 10);
        eval = Runs.data(temp, 72, 4);
    }

    private TuneConfigBuilder config(String name) {
        return Runs.config("opt", train, temp.resolve(name))
                .dtype(DType.BF16)
                .foldEvery(3)
                .eval(eval)
                .evalEvery(2)
                .keep(Keep.BEST);
    }

    @ParameterizedTest
    @CsvSource({
        // Rates from one that learns to one that only spoils.
        "1e-4, gaussian, mezo-sgd",
        "2e-3, gaussian, mezo-adam",
        "5e-2, gaussian, mezo-sgd",
        "5e-2, low-rank, lozo-m"
    })
    void theBestEvaluatedStepIsSavedAlsoByARunThatWentOn(
            double lr, String direction, String optimizer) throws IOException {
        TuneConfigBuilder whole = config("whole").lr(lr);
        whole.perturbation(direction).window(3).optimizer(optimizer);
        RunSummary summary = TuningRun.run(whole.build(), RunListener.SILENT);
        long best = bestOf(temp.resolve("whole"));
        assertThat(summary.keptStep()).isEqualTo(best);
        assertThat(kept("whole")).isEqualTo(best);
        Path replayed = temp.resolve("replayed");
        Replay.until(
                Golden.path("opt"), temp.resolve("whole").resolve("journal.jsonl"), best, replayed);
        assertThat(weights("whole")).isEqualTo(weights("replayed"));

        TuneConfigBuilder parts = config("parts").lr(lr).checkpointEvery(3);
        parts.perturbation(direction).window(3).optimizer(optimizer);
        TuningRun.run(parts.build(), Runs.stopAfter(4));
        assertThat(TuningRun.run(parts.resume(true).build(), RunListener.SILENT).keptStep())
                .isEqualTo(best);
        assertThat(Runs.result(temp.resolve("parts")))
                .containsExactlyEntriesOf(Runs.result(temp.resolve("whole")));
        assertThat(temp.resolve("parts").resolve("checkpoints")).doesNotExist();
    }

    @Test
    void aRunMayGoOnFromItsLastStepWhateverWasKept() throws IOException {
        TuningRun.run(config("more").lr(5e-2).build(), RunListener.SILENT);
        assertThat(kept("more")).isLessThan(7);
        TuningRun.run(config("more").lr(5e-2).steps(9).resume(true).build(), RunListener.SILENT);
        TuningRun.run(config("whole").lr(5e-2).steps(9).build(), RunListener.SILENT);
        assertThat(Files.readAllBytes(temp.resolve("more").resolve("journal.jsonl")))
                .isEqualTo(Files.readAllBytes(temp.resolve("whole").resolve("journal.jsonl")));
    }

    @Test
    void anEvaluationThatAKillPreventedIsMadeUpFor() throws IOException {
        TuningRun.run(config("parts").build(), Runs.stopAfter(4));
        Path metrics = temp.resolve("parts").resolve("metrics.jsonl");
        List<String> lines = new ArrayList<>(Files.readAllLines(metrics));
        assertThat(lines.removeLast()).contains("\"step\":4,\"peak_bytes\"");
        assertThat(lines.removeLast()).contains("\"step\":4,\"eval_loss\"");
        Files.write(metrics, lines);
        TuningRun.run(config("parts").resume(true).build(), RunListener.SILENT);
        TuningRun.run(config("whole").build(), RunListener.SILENT);
        assertThat(evaluations(temp.resolve("parts")))
                .isEqualTo(evaluations(temp.resolve("whole")));
    }

    @Test
    void evaluationsOnOtherDataDoNotCount() throws IOException {
        TuningRun.run(config("parts").lr(5e-2).build(), Runs.stopAfter(4));
        Path other = Runs.data(temp, 73, 3);
        TuneConfigBuilder goesOn = config("parts").lr(5e-2).eval(other).resume(true);
        RunSummary summary = TuningRun.run(goesOn.build(), RunListener.SILENT);
        // What was evaluated on it: step 4, made up for at the start, 6 and the last.
        assertThat(summary.keptStep()).isIn(4L, 6L, 7L);
    }

    @Test
    void equalLossesKeepTheEarlierAndNoNumberNeverWins() throws IOException {
        Path metrics = temp.resolve("metrics.jsonl");
        Files.writeString(
                metrics,
                """
                {"step":0,"eval_loss":"NaN","eval_data":"d"}
                {"step":1,"loss":0.5}
                {"step":2,"eval_loss":1.5,"eval_accuracy":0.5,"eval_data":"d"}
                {"step":3,"eval_loss":1.0,"eval_data":"other"}
                {"step":4,"eval_loss":1.5,"eval_data":"d"}
                {"step":6,"eval_loss":2.0,"eval_data":"d"}
                """);
        assertThat(BestStep.of(metrics, "d", Metric.LOSS)).contains(new BestStep(2, 1.5));
        assertThat(BestStep.of(metrics, "none", Metric.LOSS)).isEmpty();
        Files.writeString(metrics, "{\"step\":0,\"eval_loss\":\"Infinity\",\"eval_data\":\"d\"}\n");
        assertThat(BestStep.of(metrics, "d", Metric.LOSS)).isEmpty();
    }

    @Test
    void bestNeedsEvaluationsOnTheWay() {
        assertThatThrownBy(() -> config("none").evalEvery(0).build())
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("--keep: ")
                .hasMessageContaining("add --eval and --eval-every");
    }

    private byte[] weights(String name) throws IOException {
        return Files.readAllBytes(temp.resolve(name).resolve("model.safetensors"));
    }

    private long kept(String name) throws IOException {
        String file = Files.readString(temp.resolve(name).resolve("run.json"));
        return Json.parseObject(file).integer("kept_step");
    }

    private static List<String> evaluations(Path out) throws IOException {
        return Files.readAllLines(out.resolve("metrics.jsonl")).stream()
                .filter(line -> line.contains("eval_loss"))
                .toList();
    }

    private static long bestOf(Path out) throws IOException {
        long best = -1;
        double least = Double.POSITIVE_INFINITY;
        for (String line : evaluations(out)) {
            JsonObject fields = Json.parseObject(line);
            if (fields.number("eval_loss") < least) {
                least = fields.number("eval_loss");
                best = fields.integer("step");
            }
        }
        return best;
    }
}
