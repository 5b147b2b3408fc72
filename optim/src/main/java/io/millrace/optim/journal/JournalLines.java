package io.millrace.optim.journal;

import io.millrace.telemetry.json.JsonFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** A journal's lines one by one; memory holds no more of the file than the longest of them. */
final class JournalLines implements AutoCloseable {
    /** A line of a hundred thousand queries is shorter. */
    static final int LONGEST = 16 << 20;

    private static final int FIRST_BUFFER = 1 << 16;

    private final InputStream in;
    private byte[] buffer = new byte[FIRST_BUFFER];
    private int from;
    private int filled;
    private long wholeBytes;

    JournalLines(Path file) throws IOException {
        in = Files.newInputStream(file);
    }

    /**
     * The next line without its line feed, or null where no whole line is left.
     *
     * @throws JsonFormatException when a line has no end within {@link #LONGEST} bytes
     */
    String next() throws IOException {
        int scanned = from;
        while (true) {
            for (int at = scanned; at < filled; at++) {
                if (buffer[at] == '\n') {
                    return take(at);
                }
            }
            scanned = filled - from;
            makeRoom();
            int read = in.read(buffer, filled, buffer.length - filled);
            if (read < 0) {
                return null;
            }
            filled += read;
        }
    }

    /** Where the last line that was taken ends in the file, its line feed included. */
    long wholeBytes() {
        return wholeBytes;
    }

    /** Bytes behind the last whole line, once there is none any more. */
    long tornBytes() {
        return (long) filled - from;
    }

    private String take(int end) {
        String line = new String(buffer, from, end - from, StandardCharsets.UTF_8);
        wholeBytes += end + 1 - from;
        from = end + 1;
        return line;
    }

    private void makeRoom() {
        System.arraycopy(buffer, from, buffer, 0, filled - from);
        filled -= from;
        from = 0;
        if (filled < buffer.length) {
            return;
        }
        if (filled >= LONGEST) {
            throw new JsonFormatException("the line does not end within " + LONGEST + " bytes");
        }
        buffer = Arrays.copyOf(buffer, Math.min(2 * filled, LONGEST));
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
