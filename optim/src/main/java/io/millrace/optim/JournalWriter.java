package io.millrace.optim;

import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;

/**
 * Appends to a journal, one line a step. What was appended is on the disk once {@link #force}
 * returns; before that a crash may lose it, but never the lines in front of it. One thread at a
 * time.
 */
public final class JournalWriter implements AutoCloseable {
    private final Path file;
    private final FileChannel channel;
    private long lastStep;
    private long durableStep;
    private long wholeBytes;

    private JournalWriter(Path file, FileChannel channel, long lastStep, long wholeBytes) {
        this.file = file;
        this.channel = channel;
        this.lastStep = lastStep;
        this.durableStep = lastStep;
        this.wholeBytes = wholeBytes;
    }

    /**
     * Starts a journal; its header is on the disk when this returns.
     *
     * @throws BadInputException when the file exists, or cannot be written
     */
    public static JournalWriter create(Path file, JournalHeader header) {
        JournalWriter writer =
                new JournalWriter(
                        file,
                        open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                        0,
                        0);
        try {
            writer.writeLine(header.toFields());
            writer.force();
            return writer;
        } catch (UncheckedIOException e) {
            writer.closeAfter(e);
            throw new BadInputException(
                    file.toString(),
                    "cannot be written: " + e.getCause().getMessage(),
                    "free space there, or choose another folder");
        } catch (RuntimeException e) {
            writer.closeAfter(e);
            throw e;
        }
    }

    /**
     * Goes on with a journal that was read before: a torn tail is cut off, the next step is the one
     * after its last.
     *
     * @throws BadInputException when the file cannot be written
     */
    public static JournalWriter resume(Path file, Journal journal) {
        JournalWriter writer =
                new JournalWriter(
                        file,
                        open(file, StandardOpenOption.WRITE),
                        journal.lastStep(),
                        journal.wholeBytes());
        try {
            writer.channel.truncate(journal.wholeBytes());
            writer.channel.position(journal.wholeBytes());
            writer.channel.force(true);
            return writer;
        } catch (IOException e) {
            writer.closeAfter(e);
            throw new BadInputException(
                    file.toString(), "cannot be cut: " + e.getMessage(), "make it writable");
        }
    }

    private static FileChannel open(Path file, StandardOpenOption... options) {
        try {
            return FileChannel.open(file, options);
        } catch (FileAlreadyExistsException e) {
            throw new BadInputException(
                    file.toString(),
                    "there is a journal already",
                    "give --resume to go on with it, or another folder");
        } catch (IOException e) {
            throw new BadInputException(
                    file.toString(),
                    "cannot be opened: " + e.getMessage(),
                    "make its folder writable, or choose another");
        }
    }

    /**
     * Appends a step.
     *
     * @throws UncheckedIOException when the disk refuses it; the step does not count then
     */
    public void append(StepRecord record) {
        if (record.step() != lastStep + 1) {
            throw new IllegalArgumentException(
                    "step " + record.step() + " where " + (lastStep + 1) + " is due");
        }
        writeLine(JournalLine.toFields(record));
        lastStep = record.step();
    }

    /** Brings all that was appended onto the disk. */
    public void force() {
        try {
            channel.force(false);
            durableStep = lastStep;
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be brought onto the disk", e);
        }
    }

    /** The last step that was appended. */
    public long lastStep() {
        return lastStep;
    }

    /** The last step that is known to be on the disk. */
    public long durableStep() {
        return durableStep;
    }

    private void writeLine(Map<String, Object> fields) {
        byte[] line = (JournalLine.seal(fields) + "\n").getBytes(StandardCharsets.UTF_8);
        ByteBuffer buffer = ByteBuffer.wrap(line);
        try {
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
            wholeBytes += line.length;
        } catch (IOException e) {
            cutAfter(e);
            throw new UncheckedIOException(file + ": cannot append to the journal", e);
        }
    }

    /** Takes a half-written line away, so that a later append does not go on with it. */
    private void cutAfter(IOException failure) {
        try {
            channel.truncate(wholeBytes);
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    private void closeAfter(Exception failure) {
        try {
            channel.close();
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    /** Brings all that was appended onto the disk and closes the file. */
    @Override
    public void close() {
        if (!channel.isOpen()) {
            return;
        }
        try (channel) {
            force();
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be closed", e);
        }
    }
}
