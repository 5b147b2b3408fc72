package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.cli.context.Interruption;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class InterruptionTest {
    private final CommandRun.Captured err = new CommandRun.Captured();
    private final AtomicInteger ends = new AtomicInteger();
    private final Interruption interruption = new Interruption(err.stream, ends::incrementAndGet);

    @Test
    void endsTheProcessAtOnceWhileNothingCanBeResumed() {
        interruption.signal();

        assertThat(ends).hasValue(1);
        assertThat(interruption.requested()).isFalse();
    }

    @Test
    void letsARunFinishItsStepAndEndsTheProcessTheSecondTime() {
        interruption.enterRun();
        interruption.signal();
        assertThat(interruption.requested()).isTrue();
        assertThat(ends).hasValue(0);
        assertThat(err.toString()).contains("stopping after this step");

        interruption.signal();
        assertThat(ends).hasValue(1);
    }

    @Test
    void endsTheProcessAgainAfterTheRun() {
        interruption.enterRun();
        interruption.leaveRun();
        interruption.signal();

        assertThat(ends).hasValue(1);
    }
}
