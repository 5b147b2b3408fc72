package io.millrace.executor.run;

import io.millrace.memory.file.Disk;
import io.millrace.memory.file.DiskFile;
import io.millrace.telemetry.DurableMetrics;
import io.millrace.telemetry.EvalMetrics;
import io.millrace.telemetry.MemoryMetrics;
import io.millrace.telemetry.StepMetrics;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * Appends {@code metrics.jsonl}: each line is in the file when the call returns. A line that cannot
 * be written whole is taken back and fails the call, so that the file holds whole lines only.
 */
public final class MetricsWriter implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(MetricsWriter.class.getName());

    private final Path file;
    private final DiskFile out;
    private long wholeBytes;
    private boolean unsound; // a piece of a line could not be taken back
    private boolean closed;

    /**
     * Opens a file to append to, made where it is missing.
     *
     * @throws UncheckedIOException where it cannot be opened
     */
    public MetricsWriter(Path file) {
        this(Disk.system(), file);
    }

    MetricsWriter(Disk disk, Path file) {
        this.file = file;
        try {
            boolean there = Files.exists(file);
            out = there ? disk.open(file) : disk.create(file);
            wholeBytes = there ? Files.size(file) : 0;
        } catch (IOException e) {
            throw failure("cannot be opened", e);
        }
    }

    /**
     * Writes a step's line.
     *
     * @throws UncheckedIOException where it cannot be written, as on a full disk
     */
    public void write(StepMetrics metrics) {
        writeLine(metrics.fields());
    }

    /**
     * Writes an evaluation's line.
     *
     * @throws UncheckedIOException where it cannot be written, as on a full disk
     */
    public void write(EvalMetrics metrics) {
        writeLine(metrics.fields());
    }

    /**
     * Writes a line of what it took to make steps durable.
     *
     * @throws UncheckedIOException where it cannot be written, as on a full disk
     */
    public void write(DurableMetrics metrics) {
        writeLine(metrics.fields());
    }

    /**
     * Writes a line of the memory that the run has held.
     *
     * @throws UncheckedIOException where it cannot be written, as on a full disk
     */
    public void write(MemoryMetrics metrics) {
        writeLine(metrics.fields());
    }

    private void writeLine(Map<String, Object> fields) {
        if (unsound) {
            throw new IllegalStateException(file + ": an earlier write failed");
        }
        byte[] line = (Json.write(fields) + "\n").getBytes(StandardCharsets.UTF_8);
        try {
            out.write(ByteBuffer.wrap(line), wholeBytes);
        } catch (IOException e) {
            takeBack(e);
            throw failure("cannot be written", e);
        }
        wholeBytes += line.length;
    }

    private void takeBack(IOException cause) {
        try {
            out.truncate(wholeBytes);
        } catch (IOException e) {
            unsound = true;
            cause.addSuppressed(e);
        }
    }

    /**
     * Cuts everything after the lines of a step, and from the first line on that is not whole; for
     * a run that resumes from there. These lines are never forced to the disk, so that a loss of
     * power may leave holes; what was lost is said, and the journal has the steps.
     *
     * @throws UncheckedIOException where the file cannot be read or cut
     */
    public void truncateAfter(long step) {
        try {
            wholeBytes = lengthThrough(step);
            out.truncate(wholeBytes);
        } catch (IOException e) {
            throw failure("cannot be cut after step " + step, e);
        }
    }

    private long lengthThrough(long step) throws IOException {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
            long length = 0;
            for (int number = 1; ; number++) {
                byte[] line = readLine(in);
                if (line == null) {
                    return length;
                }
                long lineStep;
                try {
                    lineStep =
                            Json.parseObject(new String(line, StandardCharsets.UTF_8))
                                    .integer("step");
                } catch (JsonFormatException e) {
                    LOG.log(
                            Level.WARNING,
                            "{0}, line {1}: {2}; it and all lines after it are cut",
                            file,
                            number,
                            e.getMessage());
                    return length;
                }
                if (lineStep > step) {
                    return length;
                }
                length += line.length + 1;
            }
        }
    }

    /** The next line without its end, or null where no whole line is left. */
    private static byte[] readLine(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream(512);
        for (int next = in.read(); next >= 0; next = in.read()) {
            if (next == '\n') {
                return line.toByteArray();
            }
            line.write(next);
        }
        return null;
    }

    /** Brings the lines to the disk and closes the file; a second call does nothing. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        try (out) {
            out.force();
        } catch (IOException e) {
            throw failure("cannot be closed", e);
        }
    }

    private UncheckedIOException failure(String what, IOException cause) {
        return new UncheckedIOException(
                new IOException(file + ": metrics " + what + ": " + cause.getMessage(), cause));
    }
}
