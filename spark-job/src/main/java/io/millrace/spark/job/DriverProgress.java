package io.millrace.spark.job;

import java.util.concurrent.TimeUnit;

/**
 * How far the job is, on the driver's standard error: a line that is drawn again where that is a
 * terminal, and elsewhere a line now and then.
 */
final class DriverProgress {
    private static final String CLEAR_TO_END = "\u001b[K";
    private static final long SELDOM_NS = TimeUnit.SECONDS.toNanos(30);

    @SuppressWarnings("SystemConsoleNull") // Spark runs on 17 and 21, where it is
    private final boolean terminal = System.console() != null;

    private String last = "";
    private long saidNs;
    private boolean drawn;

    /** Shows a line, unless it is the one that is shown. */
    void show(String line) {
        long now = System.nanoTime();
        boolean isTime = terminal || last.isEmpty() || now - saidNs >= SELDOM_NS;
        if (!isTime || line.equals(last)) {
            return;
        }
        last = line;
        saidNs = now;
        if (terminal) {
            System.err.print("\r" + line + CLEAR_TO_END);
            System.err.flush();
            drawn = true;
        } else {
            System.err.println(line);
        }
    }

    /** Makes room for something else; the next line is drawn below it. */
    void above() {
        if (drawn) {
            System.err.print("\r" + CLEAR_TO_END);
            drawn = false;
            last = "";
        }
    }
}
