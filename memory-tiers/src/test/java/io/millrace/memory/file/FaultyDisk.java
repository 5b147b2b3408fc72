package io.millrace.memory.file;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** A disk on which one operation fails, and syncs cost nothing. For use by one thread. */
public final class FaultyDisk implements Disk {
    /** What fails. */
    public enum Fault {
        /** A write, a name or a folder finds no room; half of a write gets there. */
        FULL("No space left on device"),
        /** Bytes or names cannot be seen onto the disk. */
        SYNC("Input/output error");

        private final String message;

        Fault(String message) {
            this.message = message;
        }
    }

    private final Disk inner = Disk.system();
    private final Fault fault;
    private int left;

    /**
     * A disk with one fault.
     *
     * @param fault what fails
     * @param at which of the operations that may fail so, from 0
     */
    public FaultyDisk(Fault fault, int at) {
        this.fault = fault;
        this.left = at;
    }

    private boolean fails(Fault kind) {
        return fault == kind && left-- == 0;
    }

    private void pass(Fault kind) throws IOException {
        if (fails(kind)) {
            throw new IOException(fault.message);
        }
    }

    @Override
    public DiskFile create(Path file) throws IOException {
        pass(Fault.FULL);
        return new FaultyFile(inner.create(file));
    }

    @Override
    public DiskFile overwrite(Path file) throws IOException {
        pass(Fault.FULL);
        return new FaultyFile(inner.overwrite(file));
    }

    @Override
    public DiskFile open(Path file) throws IOException {
        return new FaultyFile(inner.open(file));
    }

    @Override
    public void createFolder(Path folder) throws IOException {
        pass(Fault.FULL);
        inner.createFolder(folder);
    }

    @Override
    public void move(Path from, Path to) throws IOException {
        inner.move(from, to);
    }

    @Override
    public void delete(Path path) throws IOException {
        inner.delete(path);
    }

    @Override
    public void syncFolder(Path folder) throws IOException {
        pass(Fault.SYNC);
    }

    private final class FaultyFile implements DiskFile {
        private final DiskFile file;

        FaultyFile(DiskFile file) {
            this.file = file;
        }

        @Override
        public void write(ByteBuffer bytes, long position) throws IOException {
            if (fails(Fault.FULL)) {
                file.write(bytes.slice(bytes.position(), bytes.remaining() / 2), position);
                throw new IOException(Fault.FULL.message);
            }
            file.write(bytes, position);
        }

        @Override
        public void truncate(long sizeBytes) throws IOException {
            file.truncate(sizeBytes);
        }

        @Override
        public void force() throws IOException {
            pass(Fault.SYNC);
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }
}
