package io.millrace.cli.command;

import io.millrace.memory.ByteSize;
import java.io.PrintStream;

/** How much of a large file is written, on a terminal; silent where there is none. */
final class WriteProgress {
    private static final long REDRAW_BYTES = 64L << 20;
    private static final String ERASE = "\r\u001b[K";

    private final PrintStream err;
    private final boolean terminal;
    private long writtenBytes;
    private long drawnBytes;

    WriteProgress(PrintStream err, boolean terminal) {
        this.err = err;
        this.terminal = terminal;
    }

    /** So many more bytes are written. */
    void written(long moreBytes) {
        writtenBytes += moreBytes;
        if (terminal && writtenBytes - drawnBytes >= REDRAW_BYTES) {
            drawnBytes = writtenBytes;
            err.print(ERASE + "written " + ByteSize.format(writtenBytes));
            err.flush();
        }
    }

    /** Removes the line, so that something else can be printed. */
    void erase() {
        if (drawnBytes > 0) {
            err.print(ERASE);
            err.flush();
        }
    }
}
