package io.millrace.executor.plan;

import java.util.Locale;

/** Lengths of time as people read them. */
public final class Durations {
    private Durations() {}

    /**
     * Seconds in the unit that gives three digits or so, such as {@code 35 ms} or {@code 2.4 min}.
     */
    public static String format(double seconds) {
        if (seconds < 1) {
            return String.format(Locale.ROOT, "%.3g ms", seconds * 1e3);
        }
        if (seconds < 120) {
            return String.format(Locale.ROOT, "%.2f s", seconds);
        }
        double minutes = seconds / 60;
        return minutes < 120
                ? String.format(Locale.ROOT, "%.1f min", minutes)
                : String.format(Locale.ROOT, "%.1f h", minutes / 60);
    }
}
