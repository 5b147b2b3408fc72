package io.millrace.optim.journal;

import io.millrace.memory.BadInputException;
import io.millrace.memory.file.Disk;
import io.millrace.memory.file.DiskFile;
import io.millrace.memory.file.DurableFiles;
import io.millrace.optim.estimate.StepRecord;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Appends to a journal, one line a step. What was appended is on the disk once {@link #force}
 * returns; before that a crash may lose it, but never the lines in front of it. One thread at a
 * time.
 */
public final class JournalWriter implements AutoCloseable {
    private final Path file;
    private final DiskFile out;
    private final int version; // of the format, which a journal keeps to its end
    private long lastStep;
    private long durableStep;
    private long wholeBytes;
    private boolean unsound;
    private boolean closed;
    private final CRC32C steps = new CRC32C();

    private JournalWriter(Path file, DiskFile out, int version, long lastStep, long wholeBytes) {
        this.file = file;
        this.out = out;
        this.version = version;
        this.lastStep = lastStep;
        this.durableStep = lastStep;
        this.wholeBytes = wholeBytes;
    }

    /**
     * Starts a journal; its header and its name are on the disk when this returns.
     *
     * @throws BadInputException when the file exists, or cannot be written
     */
    public static JournalWriter create(Path file, JournalHeader header) {
        return create(Disk.system(), file, header);
    }

    public static JournalWriter create(Disk disk, Path file, JournalHeader header) {
        JournalWriter writer =
                new JournalWriter(file, opened(file, disk::create), JournalHeader.VERSION, 0, 0);
        try {
            writer.writeLine(line(header.toFields()));
            writer.out.force();
            disk.syncFolder(file.toAbsolutePath().getParent());
            return writer;
        } catch (IOException e) {
            writer.closeAfter(e);
            deleteAfter(disk, file, e);
            throw new BadInputException(
                    file.toString(),
                    "cannot be written: " + e.getMessage(),
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
        return resume(Disk.system(), file, journal);
    }

    public static JournalWriter resume(Disk disk, Path file, Journal journal) {
        JournalWriter writer =
                new JournalWriter(
                        file,
                        opened(file, disk::open),
                        journal.version(),
                        journal.lastStep(),
                        journal.wholeBytes());
        try {
            writer.out.truncate(journal.wholeBytes());
            writer.out.force();
            // Whoever made the file may have been killed before it saw the name onto the disk.
            disk.syncFolder(file.toAbsolutePath().getParent());
            return writer;
        } catch (IOException e) {
            writer.closeAfter(e);
            throw new BadInputException(
                    file.toString(), "cannot be cut: " + e.getMessage(), "make it writable");
        }
    }

    /** Opens a file, or makes it. */
    private interface Opening {
        DiskFile open(Path file) throws IOException;
    }

    private static DiskFile opened(Path file, Opening opening) {
        try {
            return opening.open(file);
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

    /** A journal without a step would stand in the way of the next try. */
    private static void deleteAfter(Disk disk, Path file, IOException failure) {
        try {
            disk.delete(file);
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    /**
     * Appends a step.
     *
     * @throws io.millrace.memory.TierFullException when the disk is full; the step does not count
     *     then
     * @throws UncheckedIOException when the disk refuses it; the step does not count then
     */
    public void append(StepRecord record) {
        if (record.step() != lastStep + 1) {
            throw new IllegalArgumentException(
                    "step " + record.step() + " where " + (lastStep + 1) + " is due");
        }
        requireSound();
        byte[] line = line(JournalLine.toFields(record, version));
        try {
            writeLine(line);
        } catch (IOException e) {
            cutAfter(e);
            throw DurableFiles.failed("appending to", file, e);
        }
        lastStep = record.step();
        steps.update(line);
    }

    /** The CRC-32C of the lines of all steps that were appended since this was opened. */
    public int checksum() {
        return (int) steps.getValue();
    }

    /**
     * Brings all that was appended onto the disk. After a failure nobody knows what the disk holds,
     * and a second try may succeed without having written: the journal takes no more steps.
     */
    public void force() {
        requireSound();
        try {
            out.force();
            durableStep = lastStep;
        } catch (IOException e) {
            unsound = true;
            throw DurableFiles.failed("syncing", file, e);
        }
    }

    private void requireSound() {
        if (unsound) {
            throw new IllegalStateException(file + ": an earlier write failed");
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

    private static byte[] line(Map<String, Object> fields) {
        return (JournalLine.seal(fields) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    private void writeLine(byte[] line) throws IOException {
        out.write(ByteBuffer.wrap(line), wholeBytes);
        wholeBytes += line.length;
    }

    /** Takes a half-written line away, so that a later append does not go on with it. */
    private void cutAfter(IOException failure) {
        try {
            out.truncate(wholeBytes);
        } catch (IOException e) {
            unsound = true;
            failure.addSuppressed(e);
        }
    }

    private void closeAfter(Exception failure) {
        closed = true;
        try {
            out.close();
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    /**
     * Brings all that was appended onto the disk and closes the file. After a failure it only
     * closes: that was told before.
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        try (out) {
            if (!unsound) {
                force();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be closed", e);
        }
    }
}
