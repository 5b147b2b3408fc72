package io.millrace.telemetry;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressLineTest {
    private static final long SECOND = 1_000_000_000L;

    private final ByteArrayOutputStream shown = new ByteArrayOutputStream();
    private final PrintStream terminal = new PrintStream(shown, true, StandardCharsets.UTF_8);
    private final AtomicLong clock = new AtomicLong(-5 * SECOND);

    @Test
    void formatsAStep() {
        assertThat(ProgressLine.format(120, 1000, 2.31449, 1234.4, 3725))
                .isEqualTo("step 120/1000 (12%)  loss 2.3145  1,234 tokens/s  1h 02m left");
        assertThat(ProgressLine.format(3, 4, 12.5e-5, 9.87, 59.4))
                .isEqualTo("step 3/4 (75%)  loss 1.250e-04  9.9 tokens/s  59s left");
        assertThat(ProgressLine.format(1, 20_000, Double.NaN, 0, 59.6))
                .isEqualTo("step 1/20000 (0%)  loss NaN  0.0 tokens/s  1m 00s left");
        assertThat(ProgressLine.format(1, 2, 0, 5, 200_000)).endsWith("  2d 07h left");
        assertThat(ProgressLine.format(1, 2, 0, 5, Double.NaN)).endsWith("  ? left");
    }

    @Test
    void staysOnOneLineOfATerminal() {
        assertThat(ProgressLine.format(19_999_999, 20_000_000, -1.2345e-300, 9_999_999, 359_999))
                .hasSizeLessThan(80);
    }

    @Test
    void redrawsInPlaceAndEndsTheLineOnce() {
        ProgressLine line = new ProgressLine(terminal, true, 0, 10, clock::get);
        clock.addAndGet(2 * SECOND);
        line.update(1, 2.5, 100);
        clock.addAndGet(2 * SECOND);
        line.update(2, 2.25, 200);
        line.close();
        line.close();

        assertThat(text())
                .isEqualTo(
                        "\rstep 1/10 (10%)  loss 2.5000  100 tokens/s  18s left\u001b[K"
                                + "\rstep 2/10 (20%)  loss 2.2500  200 tokens/s  16s left\u001b[K"
                                + System.lineSeparator());
    }

    @Test
    void countsOnlyThisRunsStepsForTheTimeLeft() {
        ProgressLine line = new ProgressLine(terminal, true, 90, 100, clock::get);
        clock.addAndGet(3 * SECOND);
        line.update(91, 1, 100);

        assertThat(text()).contains("  27s left");
    }

    @Test
    void skipsStepsThatFollowTooFastButNotTheLast() {
        ProgressLine line = new ProgressLine(terminal, true, 0, 3, clock::get);
        line.update(1, 1, 100);
        line.update(2, 1, 100);
        line.update(3, 1, 100);

        assertThat(text()).contains("step 1/3", "step 3/3").doesNotContain("step 2/3");
    }

    @Test
    void wipesTheLineForOtherOutput() {
        ProgressLine line = new ProgressLine(terminal, true, 0, 3, clock::get);
        line.clear();
        assertThat(text()).isEmpty();
        line.update(1, 1, 100);
        line.clear();
        line.close();

        assertThat(text()).endsWith("\r\u001b[K");
    }

    @Test
    void printsNothingWherePiped() {
        try (ProgressLine line = new ProgressLine(terminal, false, 0, 10, clock::get)) {
            line.update(10, 1, 1);
        }

        assertThat(text()).isEmpty();
    }

    private String text() {
        return shown.toString(StandardCharsets.UTF_8);
    }
}
