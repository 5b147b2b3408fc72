package io.millrace.telemetry;

import java.io.PrintStream;
import java.util.Locale;
import java.util.function.LongSupplier;

/**
 * One line on a terminal that is redrawn as a run goes on, and nothing where the output is piped.
 * Called from the step thread only.
 */
public final class ProgressLine implements AutoCloseable {
    private static final long REDRAW_NS = 100_000_000;
    private static final String CLEAR_TO_END = "\u001b[K";

    private final PrintStream out;
    private final boolean interactive;
    private final LongSupplier clock;
    private final long total;
    private final long firstStep;
    private final long startNs;
    private long drawnNs;
    private boolean drawn;

    /**
     * A progress line for the steps {@code done + 1} to {@code total}, whose time starts now.
     *
     * @param out the terminal, usually standard error
     * @param interactive whether that is a terminal
     * @param done steps done before, by a run that this one resumes
     */
    public ProgressLine(PrintStream out, boolean interactive, long done, long total) {
        this(out, interactive, done, total, System::nanoTime);
    }

    ProgressLine(PrintStream out, boolean interactive, long done, long total, LongSupplier clock) {
        this.out = out;
        this.interactive = interactive;
        this.clock = clock;
        this.total = total;
        firstStep = done;
        startNs = clock.getAsLong();
    }

    /** Shows a step that is done; steps that follow one another too fast are left out. */
    public void update(long step, double loss, double tokensPerSecond) {
        if (!interactive) {
            return;
        }
        long now = clock.getAsLong();
        if (drawn && step < total && now - drawnNs < REDRAW_NS) {
            return;
        }
        double secondsPerStep = (now - startNs) / 1e9 / Math.max(1, step - firstStep);
        double eta = secondsPerStep * (total - step);
        out.print("\r" + format(step, total, loss, tokensPerSecond, eta) + CLEAR_TO_END);
        out.flush();
        drawn = true;
        drawnNs = now;
    }

    /** Wipes the line, so that something else can be printed; the next update draws it again. */
    public void clear() {
        if (drawn) {
            out.print("\r" + CLEAR_TO_END);
            out.flush();
            drawn = false;
        }
    }

    /** Leaves the line as it is and goes on below it; a second call does nothing. */
    @Override
    public void close() {
        if (drawn) {
            out.println();
            drawn = false;
        }
    }

    /** The line's text, under 80 characters, so that it does not wrap. */
    static String format(
            long step, long total, double loss, double tokensPerSecond, double etaSeconds) {
        return String.format(
                Locale.ROOT,
                "step %d/%d (%d%%)  loss %s  %s tokens/s  %s left",
                step,
                total,
                total == 0 ? 100 : step * 100 / total,
                loss(loss),
                rate(tokensPerSecond),
                duration(etaSeconds));
    }

    private static String loss(double loss) {
        boolean wide = Math.abs(loss) >= 1e5 || (loss != 0 && Math.abs(loss) < 1e-3);
        return String.format(Locale.ROOT, wide ? "%.3e" : "%.4f", loss);
    }

    private static String rate(double perSecond) {
        return String.format(Locale.ROOT, perSecond < 100 ? "%.1f" : "%,.0f", perSecond);
    }

    private static String duration(double seconds) {
        if (!(seconds < 1e9)) {
            return "?";
        }
        long whole = Math.max(0, Math.round(seconds));
        if (whole < 60) {
            return whole + "s";
        }
        if (whole < 3600) {
            return String.format(Locale.ROOT, "%dm %02ds", whole / 60, whole % 60);
        }
        long minutes = whole / 60;
        if (minutes < 24 * 60) {
            return String.format(Locale.ROOT, "%dh %02dm", minutes / 60, minutes % 60);
        }
        return String.format(Locale.ROOT, "%dd %02dh", minutes / 1440, minutes / 60 % 24);
    }
}
