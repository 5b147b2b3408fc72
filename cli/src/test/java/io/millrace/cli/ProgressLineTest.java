package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.StepProgress;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProgressLineTest {
    private final StringWriter err = new StringWriter();
    private long nowNs = 5;
    private final ProgressLine line = new ProgressLine(new PrintWriter(err), true, () -> nowNs);

    @Test
    void estimatesFromTheStepsOfThisProcess() {
        line.start(101);
        nowNs += 4_000_000_000L;
        line.show(step(102, 200));

        assertThat(err.toString())
                .isEqualTo(
                        "\r\u001b[Kstep 102/200  loss 0.5000  lr 1.00e-06  800 tokens/s  3 min 16 s left");
    }

    @Test
    void drawsTenTimesASecondAndTheLastStepAlways() {
        line.start(1);
        line.show(step(1, 3));
        nowNs += 99_999_999;
        line.show(step(2, 3));
        line.show(step(3, 3));

        assertThat(err.toString()).contains("step 1/3", "step 3/3").doesNotContain("step 2/3");
    }

    @Test
    void erasesOnlyWhatItDrew() {
        line.erase();
        assertThat(err.toString()).isEmpty();

        line.written(1 << 20);
        line.erase();
        assertThat(err.toString()).isEqualTo("\r\u001b[Kwritten 1.00MiB\r\u001b[K");
    }

    @ParameterizedTest
    @CsvSource({"0.4, 0 s", "59.4, 59 s", "61, 1 min 01 s", "7320, 2 h 02 min"})
    void writesDurationsInTwoUnits(double seconds, String text) {
        assertThat(ProgressLine.duration(seconds)).isEqualTo(text);
    }

    private static StepProgress step(long step, long total) {
        return new StepProgress(step, total, 0.5, 0.1, 1e-6, 0.02, 800);
    }
}
