package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.cli.context.ExitCode;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Ctrl-C ends a run after the step under way, and the run goes on to the same bytes. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class SignalTest {
    @TempDir Path temp;

    @Test
    void anInterruptedRunGoesOnToTheSameBytes() throws Exception {
        interrupt(true);
    }

    @Tag("long")
    @Test
    void soDoesOneInMemory() throws Exception {
        interrupt(false);
    }

    private void interrupt(boolean streamed) throws Exception {
        int steps = 40;
        LongRun run = LongRun.prepare(temp, "bfloat16", steps, 1, streamed);
        try (ChildProcess child = run.start()) {
            assertThat(child.await(() -> run.journalLines() > 5)).as(child.said()).isTrue();
            child.interrupt();
            assertThat(child.exitCode()).as(child.said()).isEqualTo(ExitCode.INTERRUPTED);
            assertThat(child.said())
                    .contains("stopping after this step", "with --resume goes on from here");
        }
        assertThat(run.journalLines()).isBetween(6L, (long) steps);
        assertThat(run.out.resolve("model.safetensors")).doesNotExist();

        try (ChildProcess child = run.start()) {
            assertThat(child.exitCode()).as(child.said()).isZero();
        }
        run.assertSameEnd("interrupted");
    }
}
