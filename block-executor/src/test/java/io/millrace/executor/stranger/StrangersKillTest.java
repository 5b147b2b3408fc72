package io.millrace.executor.stranger;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.Runs;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.device.DeviceName;
import io.millrace.memory.nvme.ChildJvm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A stranger's direction under a stranger's rule that keeps states, killed with SIGKILL while it
 * streams: it goes on elsewhere and ends in the bytes of the run that was never stopped.
 */
class StrangersKillTest {
    private static final int STEPS = 40;
    private static final int LINES = 8; // that the journal has when the run is killed
    private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(60);

    @TempDir Path temp;

    @Tag("long")
    @Test
    void aStrangersMethodWithStatesSurvivesAKill() throws IOException, InterruptedException {
        Path model = Runs.model(temp.resolve("model"), "llama", "bfloat16", 6, 64, 112);
        Path data = Runs.data(temp, 31, 10);
        Path whole = temp.resolve("whole");
        TuningRun.run(config(model, data, whole).build(), RunListener.SILENT);
        Map<String, byte[]> expected = Runs.result(whole);

        Path out = temp.resolve("killed");
        long budget =
                Runs.smallestBudget(bytes ->
                        config(model, data, temp.resolve("probe" + bytes))
                                .steps(1)
                                .memory(Runs.host(DeviceName.CPU, bytes)));
        Path log = temp.resolve("log");
        Process process = start(log, model, data, out, budget);
        try {
            long deadline = System.nanoTime() + PATIENCE_NS;
            while (journalLines(out) < LINES) {
                assertThat(process.isAlive()).as(Files.readString(log)).isTrue();
                assertThat(System.nanoTime()).as(Files.readString(log)).isLessThan(deadline);
                Thread.onSpinWait();
            }
        } finally {
            process.destroyForcibly().waitFor();
        }
        assertThat(process.exitValue()).as(Files.readString(log)).isEqualTo(128 + 9);
        assertThat(journalLines(out)).isBetween((long) LINES, (long) STEPS);

        MemoryConfig emulated = Runs.memory(DeviceName.EMULATED, OptionalLong.empty());
        TuneConfigBuilder goesOn = config(model, data, out).memory(emulated).resume(true);
        Runs.assertSame(
                TuningRun.run(goesOn.build(), RunListener.SILENT).out(), expected, "killed");
    }

    /** The run that is killed. */
    static void main(String[] arguments) {
        Path model = Path.of(arguments[0]);
        Path data = Path.of(arguments[1]);
        long budget = Long.parseLong(arguments[3]);
        TuningRun.run(
                config(model, data, Path.of(arguments[2]))
                        .memory(Runs.host(DeviceName.CPU, budget))
                        .checkpointEvery(3)
                        .build(),
                RunListener.SILENT);
    }

    private static TuneConfigBuilder config(Path model, Path data, Path out) {
        return Runs.config(model, data, out)
                .steps(STEPS)
                .perturbation("toy")
                .method(ToyDirection.SALT, 5)
                .optimizer(MovingRule.NAME);
    }

    private static Process start(Path log, Path model, Path data, Path out, long budget)
            throws IOException {
        List<String> command =
                ChildJvm.command(
                        List.of(),
                        StrangersKillTest.class,
                        model.toString(),
                        data.toString(),
                        out.toString(),
                        Long.toString(budget));
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
    }

    private static long journalLines(Path out) throws IOException {
        Path journal = out.resolve("journal.jsonl");
        return Files.isRegularFile(journal)
                ? Files.readString(journal).chars().filter(one -> one == '\n').count()
                : 0;
    }
}
