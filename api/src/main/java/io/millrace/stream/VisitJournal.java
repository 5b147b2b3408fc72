package io.millrace.stream;

import io.millrace.memory.BadInputException;
import io.millrace.memory.CorruptDataException;
import io.millrace.memory.file.DurableFiles;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * What every visit gave, in a file that grows: a header of 24 bytes, then a record a visit. A last
 * record that a crash cut off is as if it had not been.
 *
 * <pre>
 *   header   magic 8, identity 8, number of blocks 4, CRC-32C of these 4
 *   record   bytes of its body 4, CRC-32C of its body 4, body:
 *            pass 8, CRC-32C of the pass's input 4, block 4, whether it changed 4, the output, 8 each
 * </pre>
 *
 * All little-endian. Records of a pass come together, in the order of their visits.
 */
final class VisitJournal implements AutoCloseable {
    static final String FILE = "visits.journal";

    private static final long MAGIC = 0x3130564a53524d4cL; // "LMRSJV01"
    private static final int HEADER_BYTES = 24;
    private static final int FRAME_BYTES = 8;
    private static final int BODY_BYTES = 20;

    /**
     * What a visit gave.
     *
     * @param changed whether the block became another
     * @param output what the work returned
     */
    record Entry(boolean changed, double[] output) {}

    /** A pass as far as it went. */
    private record Kept(int inputChecksum, Map<Integer, Entry> visits) {}

    private final Path path;
    private final FileChannel file; // null where nothing is kept
    private final Map<Long, Kept> passes = new HashMap<>(); // of those not asked for again yet
    private final Object forcing = new Object();
    private volatile long appended; // bytes; by the thread of the passes alone
    private long forced; // guarded by forcing

    private VisitJournal(Path path, FileChannel file) {
        this.path = path;
        this.file = file;
    }

    /** One that forgets. */
    static VisitJournal none() {
        return new VisitJournal(Path.of(FILE), null);
    }

    /** Whether a folder has one. */
    static boolean isThere(Path folder) {
        return Files.exists(folder.resolve(FILE));
    }

    /**
     * Opens the journal of a folder, or begins one there.
     *
     * @param identity of the blocks and of what is done to them
     * @throws BadInputException where it is another's
     */
    static VisitJournal open(Path folder, long identity, int blocks) {
        Path path = folder.resolve(FILE);
        if (!Files.exists(path)) {
            DurableFiles.system().replace(path, bytes(header(identity, blocks)));
        }
        FileChannel file = null;
        try {
            file = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
            VisitJournal journal = new VisitJournal(path, file);
            journal.load(header(identity, blocks));
            return journal;
        } catch (IOException e) {
            closeAfter(e, file);
            throw DurableFiles.failed("opening", path, e);
        } catch (RuntimeException | Error e) {
            closeAfter(e, file);
            throw e;
        }
    }

    private static void closeAfter(Throwable failure, FileChannel file) {
        try {
            if (file != null) {
                file.close();
            }
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }

    private static ByteBuffer header(long identity, int blocks) {
        ByteBuffer header = buffer(HEADER_BYTES);
        header.putLong(MAGIC).putLong(identity).putInt(blocks);
        header.putInt(checksum(header, 0, header.position()));
        return header.flip();
    }

    private void load(ByteBuffer expected) throws IOException {
        ByteBuffer header = buffer(HEADER_BYTES);
        try {
            readFully(header, 0);
        } catch (EOFException e) {
            throw new CorruptDataException(path + ": the header is cut off; delete the folder");
        }
        if (header.getLong(0) != MAGIC
                || checksum(header, 0, HEADER_BYTES - 4) != header.getInt(20)) {
            throw new CorruptDataException(path + ": the header is damaged; delete the folder");
        }
        if (!header.equals(expected)) {
            throw new BadInputException(
                    path.toString(),
                    "is of other blocks, or of another computation",
                    "give another folder, or delete this one to begin anew");
        }
        long at = HEADER_BYTES;
        while (true) {
            Optional<ByteBuffer> body = body(at);
            if (body.isEmpty()) {
                break;
            }
            keep(body.get());
            at += FRAME_BYTES + body.get().capacity();
        }
        // What is behind stays until something is added: this journal may be refused still.
        appended = at;
        forced = at;
    }

    /** The record at a place; empty where the file ends, or was cut off. */
    private Optional<ByteBuffer> body(long at) throws IOException {
        if (file.size() - at < FRAME_BYTES) {
            return Optional.empty();
        }
        ByteBuffer frame = buffer(FRAME_BYTES);
        readFully(frame, at);
        int bytes = frame.getInt(0);
        if (bytes < BODY_BYTES
                || (bytes - BODY_BYTES) % Double.BYTES != 0
                || bytes > file.size() - at - FRAME_BYTES) {
            return Optional.empty();
        }
        ByteBuffer body = buffer(bytes);
        readFully(body, at + FRAME_BYTES);
        return checksum(body, 0, bytes) == frame.getInt(4) ? Optional.of(body) : Optional.empty();
    }

    private void readFully(ByteBuffer into, long at) throws IOException {
        while (into.hasRemaining()) {
            if (file.read(into, at + into.position()) < 0) {
                throw new EOFException();
            }
        }
        into.flip();
    }

    private void keep(ByteBuffer body) {
        long pass = body.getLong();
        int input = body.getInt();
        int block = body.getInt();
        boolean changed = body.getInt() != 0;
        double[] output = new double[body.remaining() / Double.BYTES];
        body.asDoubleBuffer().get(output);
        passes.computeIfAbsent(pass, _ -> new Kept(input, new HashMap<>()))
                .visits()
                .put(block, new Entry(changed, output));
    }

    /** Where it lies. */
    Path path() {
        return path;
    }

    /** Whether it knows passes that were not asked for again yet. */
    boolean hasUntaken() {
        return !passes.isEmpty();
    }

    /** The last pass whose change of a block is known; 0 for none. */
    long lastChange(int block) {
        long last = 0;
        for (Map.Entry<Long, Kept> pass : passes.entrySet()) {
            Entry entry = pass.getValue().visits().get(block);
            if (entry != null && entry.changed()) {
                last = Math.max(last, pass.getKey());
            }
        }
        return last;
    }

    /**
     * What is known of a pass, which is forgotten here by that.
     *
     * @param input the pass's input now
     * @throws BadInputException where it was begun with another
     */
    Map<Integer, Entry> take(long pass, double[] input) {
        Kept kept = passes.remove(pass);
        if (kept == null) {
            return Map.of();
        }
        if (kept.inputChecksum() != checksum(input)) {
            throw new BadInputException(
                    path.toString(),
                    "pass " + pass + " was begun with another input",
                    "go on with the program that began, or delete the folder to begin anew");
        }
        return kept.visits();
    }

    /** Adds a visit; it is durable once {@link #force} was called. */
    void add(long pass, double[] input, int block, Entry entry) {
        if (file == null) {
            return;
        }
        int bytes = BODY_BYTES + entry.output().length * Double.BYTES;
        ByteBuffer record = buffer(FRAME_BYTES + bytes);
        record.putInt(bytes).putInt(0);
        record.putLong(pass).putInt(checksum(input)).putInt(block);
        record.putInt(entry.changed() ? 1 : 0);
        for (double value : entry.output()) {
            record.putDouble(value);
        }
        record.putInt(4, checksum(record, FRAME_BYTES, bytes));
        record.flip();
        try {
            long at = appended;
            if (file.size() > at) {
                file.truncate(at);
            }
            while (record.hasRemaining()) {
                at += file.write(record, at);
            }
            appended = at;
        } catch (IOException e) {
            throw DurableFiles.failed("writing", path, e);
        }
    }

    /** Sees all that was added onto the disk; from any thread. */
    void force() {
        if (file == null) {
            return;
        }
        synchronized (forcing) {
            long wanted = appended;
            if (forced >= wanted) {
                return;
            }
            try {
                file.force(false);
            } catch (IOException e) {
                throw DurableFiles.failed("syncing", path, e);
            }
            forced = wanted;
        }
    }

    private static int checksum(double[] values) {
        ByteBuffer bytes = buffer(values.length * Double.BYTES);
        for (double value : values) {
            bytes.putDouble(value);
        }
        return checksum(bytes, 0, bytes.position());
    }

    /** CRC-32C of some bytes of a buffer, wherever that stands. */
    private static int checksum(ByteBuffer bytes, int first, int count) {
        CRC32C checksum = new CRC32C();
        checksum.update(bytes.slice(first, count));
        return (int) checksum.getValue();
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public void close() {
        if (file != null) {
            try {
                file.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
