package io.millrace.executor.plan;

import java.util.Locale;

/** Lengths of time as people read them. */
final class Durations {
    private Durations() {}

    /**
     * Seconds in the unit that gives three digits or so, such as {@code 35 ms} or {@code 2.4 min}.
     */
    static String format(double seconds) {
        if (seconds < 1) {
            return String.format(Locale.ROOT, "%.3g ms", seconds * 1e3);
        }
        return seconds < 120
                ? String.format(Locale.ROOT, "%.2f s", seconds)
                : String.format(Locale.ROOT, "%.1f min", seconds / 60);
    }
}
