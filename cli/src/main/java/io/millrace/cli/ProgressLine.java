package io.millrace.cli;

import io.millrace.executor.config.StepProgress;
import io.millrace.memory.ByteSize;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.function.LongSupplier;

/** One line on a terminal that is written over; silent where the stream is not a terminal. */
final class ProgressLine {
    private static final long REDRAW_NS = 100_000_000L;
    private static final String ERASE = "\r\u001b[K";

    private final PrintWriter err;
    private final boolean terminal;
    private final LongSupplier nanoClock;
    private long firstNs;
    private long firstStep;
    private long lastDrawnNs;
    private long writtenBytes;
    private boolean drawn;

    ProgressLine(PrintWriter err, boolean terminal, LongSupplier nanoClock) {
        this.err = err;
        this.terminal = terminal;
        this.nanoClock = nanoClock;
    }

    /** Starts the clock before the given step. */
    void start(long step) {
        firstNs = nanoClock.getAsLong();
        firstStep = step;
    }

    /** Shows a step, at most ten times a second. */
    void show(StepProgress step) {
        long now = nanoClock.getAsLong();
        if (!due(now, step.step() == step.totalSteps())) {
            return;
        }
        double perStep = (now - firstNs) / 1e9 / (step.step() - firstStep + 1);
        draw(
                String.format(
                        Locale.ROOT,
                        "step %d/%d  loss %.4f  lr %.2e  %.0f tokens/s  %s left",
                        step.step(),
                        step.totalSteps(),
                        step.loss(),
                        step.lr(),
                        step.tokensPerSecond(),
                        duration(perStep * (step.totalSteps() - step.step()))));
    }

    /** Shows that more bytes are written, at most ten times a second. */
    void written(long moreBytes) {
        writtenBytes += moreBytes;
        if (due(nanoClock.getAsLong(), false)) {
            draw("written " + ByteSize.format(writtenBytes));
        }
    }

    private boolean due(long now, boolean last) {
        boolean due = terminal && (!drawn || last || now - lastDrawnNs >= REDRAW_NS);
        if (due) {
            lastDrawnNs = now;
        }
        return due;
    }

    private void draw(String text) {
        drawn = true;
        err.print(ERASE + text);
        err.flush();
    }

    /** Removes the line, so that something else can be printed. */
    void erase() {
        if (drawn) {
            err.print(ERASE);
            err.flush();
            drawn = false;
        }
    }

    static String duration(double seconds) {
        long whole = Math.round(seconds);
        if (whole < 60) {
            return whole + " s";
        }
        if (whole < 3600) {
            return String.format(Locale.ROOT, "%d min %02d s", whole / 60, whole % 60);
        }
        return String.format(Locale.ROOT, "%d h %02d min", whole / 3600, whole % 3600 / 60);
    }
}
