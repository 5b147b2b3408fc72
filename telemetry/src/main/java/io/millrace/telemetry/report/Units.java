package io.millrace.telemetry.report;

import java.util.List;
import java.util.Locale;

/** Figures as the report's words have them. */
final class Units {
    private static final String[] BINARY = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    private static final double STEP = 1024;
    private static final double MINUTE = 60;
    private static final double HOUR = 3600;

    private Units() {}

    /** Such as {@code 9.4 GiB}. */
    static String bytes(double bytes) {
        int power = power(bytes);
        double value = bytes / Math.pow(STEP, power);
        return String.format(
                Locale.ROOT,
                power == 0 || value >= 100 ? "%.0f %s" : "%.1f %s",
                value,
                BINARY[power]);
    }

    /** The next size that reads exactly as it is: a tenth of its unit, or a whole one from 100. */
    static long roundUp(long bytes) {
        double unit = Math.pow(STEP, power((double) bytes));
        double grain = bytes / unit >= 100 || unit == 1 ? unit : unit / 10;
        return (long) Math.ceil(Math.ceil(bytes / grain) * grain);
    }

    private static int power(double bytes) {
        int power = 0;
        while (power < BINARY.length - 1 && bytes / Math.pow(STEP, power) >= 1000) {
            power++;
        }
        return power;
    }

    /** Such as {@code 38 %}; one decimal where it would read 0 or 100 and is not. */
    static String percent(double share) {
        double percent = share * 100;
        boolean fine = (percent > 0 && percent < 10) || (percent > 99 && percent < 100);
        return String.format(Locale.ROOT, fine ? "%.1f %%" : "%.0f %%", percent);
    }

    /** Such as {@code 8.63 s} or {@code 12.1 ms}. */
    static String seconds(double seconds) {
        return seconds >= 1
                ? String.format(Locale.ROOT, "%.2f s", seconds)
                : String.format(Locale.ROOT, "%.1f ms", seconds * 1e3);
    }

    /** A long time and its unit, such as {@code 12.5} and {@code min}. */
    static List<String> duration(double seconds) {
        if (seconds < 2 * MINUTE) {
            return duration(seconds, "s");
        }
        return seconds < 2 * HOUR
                ? duration(seconds / MINUTE, "min")
                : duration(seconds / HOUR, "h");
    }

    private static List<String> duration(double value, String unit) {
        return List.of(String.format(Locale.ROOT, "%.1f", value), unit);
    }
}
