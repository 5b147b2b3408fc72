package io.millrace.cli.context;

import io.millrace.memory.ByteSize;
import java.io.PrintStream;

/** How much of something large has come, on a terminal; silent where there is none. */
public final class ByteProgress {
    private static final long REDRAW_BYTES = 64L << 20;
    private static final String ERASE = "\r\u001b[K";

    private final PrintStream err;
    private final boolean terminal;
    private final String done;
    private long bytes;
    private long drawnBytes;

    /**
     * A line that is not there yet.
     *
     * @param err where it is drawn
     * @param terminal whether that is a terminal
     * @param done what is said of the bytes, such as {@code written}
     */
    public ByteProgress(PrintStream err, boolean terminal, String done) {
        this.err = err;
        this.terminal = terminal;
        this.done = done;
    }

    /** So many more bytes are done. */
    public void more(long moreBytes) {
        bytes += moreBytes;
        if (terminal && Math.abs(bytes - drawnBytes) >= REDRAW_BYTES) {
            drawnBytes = bytes;
            err.print(ERASE + done + " " + ByteSize.format(Math.max(0, bytes)));
            err.flush();
        }
    }

    /** Removes the line, so that something else can be printed. */
    public void erase() {
        if (drawnBytes != 0) {
            err.print(ERASE);
            err.flush();
        }
    }
}
