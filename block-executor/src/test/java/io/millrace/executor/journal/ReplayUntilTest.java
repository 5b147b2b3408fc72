package io.millrace.executor.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.Golden;
import io.millrace.executor.Runs;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A replay until a step makes what a run of so many steps saves. */
class ReplayUntilTest {
    private static final long STEPS = 7;

    @TempDir Path temp;

    @ParameterizedTest
    @CsvSource({
        // model, dtype, folds every, direction, optimizer, rounding
        "llama, bfloat16, 1, gaussian, mezo-sgd, NEAREST",
        "llama, bfloat16, 3, gaussian, mezo-adam, STOCHASTIC",
        "gpt2, float32, 3, rademacher, mezo-sgd, NEAREST",
        "opt, bfloat16, 1, low-rank, mezo-sgd, NEAREST",
        "opt, bfloat16, 3, low-rank, mezo-sgd, NEAREST",
        "opt, bfloat16, 1, low-rank, lozo-m, NEAREST",
        "llama, float16, 3, low-rank, lozo-m, STOCHASTIC"
    })
    void everyStepIsThatOfAShorterRun(
            String model,
            String dtype,
            int foldEvery,
            String direction,
            String optimizer,
            Rounding rounding)
            throws IOException {
        Path data = Runs.data(temp, 61, 10);
        for (long steps = STEPS; steps >= 1; steps--) {
            TuneConfigBuilder run =
                    Runs.config(model, data, temp.resolve("run-" + steps))
                            .steps(steps)
                            .dtype(DType.find(dtype).orElseThrow())
                            .foldEvery(foldEvery)
                            .perturbation(direction)
                            .window(3)
                            .optimizer(optimizer)
                            .rounding(rounding);
            TuningRun.run(run.build(), RunListener.SILENT);
            Path replayed = temp.resolve("replayed-" + steps);
            Replay.Result result =
                    Replay.until(Golden.path(model), journal(STEPS), steps, replayed);
            assertThat(result.steps()).isEqualTo(steps);
            assertThat(weights(replayed))
                    .as("step %d", steps)
                    .isEqualTo(weights(temp.resolve("run-" + steps)));
        }
    }

    @Test
    void stepZeroIsTheBase() throws IOException {
        run();
        Path replayed = temp.resolve("replayed");
        Replay.until(Golden.path("llama"), journal(STEPS), 0, replayed);
        assertThat(weights(replayed)).isEqualTo(weights(Golden.path("llama")));
    }

    @Test
    void stepsThatTheJournalHasNotAreRefused() throws IOException {
        run();
        for (long step : new long[] {-1, 8}) {
            assertThatThrownBy(() -> until(step))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageStartingWith("--until: " + journal(STEPS) + " has 7 whole steps")
                    .hasMessageEndingWith("no step " + step + "; give a number from 0 to 7");
        }
        assertThat(temp.resolve("replayed")).doesNotExist();
    }

    @Test
    void damageBehindTheStepDoesNotMatter() throws IOException {
        run();
        Files.writeString(journal(STEPS), "{\"step\":8,", StandardOpenOption.APPEND);
        until(7);
        List<String> lines = Files.readAllLines(journal(STEPS));
        lines.set(5, lines.get(5).replaceFirst("\"lr\":1", "\"lr\":2"));
        Files.write(journal(STEPS), lines);
        Path third = temp.resolve("third");
        Replay.until(Golden.path("llama"), journal(STEPS), 4, third);
        assertThatThrownBy(() -> until(5))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("line 6: crc32c is ");
        assertThatThrownBy(() ->
                        Replay.run(
                                Golden.path("llama"), journal(STEPS), temp.resolve("replayed-x")))
                .hasMessageContaining("line 6: crc32c is ");
    }

    private void until(long step) {
        Replay.until(Golden.path("llama"), journal(STEPS), step, temp.resolve("replayed"));
    }

    private void run() throws IOException {
        Path data = Runs.data(temp, 62, 10);
        TuningRun.run(
                Runs.config("llama", data, temp.resolve("run-" + STEPS)).build(),
                RunListener.SILENT);
    }

    private Path journal(long steps) {
        return temp.resolve("run-" + steps).resolve("journal.jsonl");
    }

    private static byte[] weights(Path folder) throws IOException {
        return Files.readAllBytes(folder.resolve("model.safetensors"));
    }
}
