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
        /** Half of a write gets there. */
        SHORT("Input/output error"),
        /** Bytes or names cannot be seen onto the disk. */
        SYNC("Input/output error"),
        /** Whatever it is, and all that comes after it. */
        GONE("No such device");

        private final String message;

        Fault(String message) {
            this.message = message;
        }

        /** What the operating system says. */
        public String message() {
            return message;
        }

        private boolean hits(Operation operation) {
            return switch (this) {
                case FULL -> operation == Operation.MAKE || operation == Operation.WRITE;
                case SHORT -> operation == Operation.WRITE;
                case SYNC -> operation == Operation.SYNC;
                case GONE -> true;
            };
        }
    }

    private enum Operation {
        MAKE,
        OPEN,
        WRITE,
        TRUNCATE,
        SYNC,
        NAME
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

    private boolean fails(Operation operation) {
        if (!fault.hits(operation)) {
            return false;
        }
        left--;
        return left == -1 || (left < 0 && fault == Fault.GONE);
    }

    private void pass(Operation operation) throws IOException {
        if (fails(operation)) {
            throw new IOException(fault.message);
        }
    }

    @Override
    public DiskFile create(Path file) throws IOException {
        pass(Operation.MAKE);
        return new FaultyFile(inner.create(file));
    }

    @Override
    public DiskFile overwrite(Path file) throws IOException {
        pass(Operation.MAKE);
        return new FaultyFile(inner.overwrite(file));
    }

    @Override
    public DiskFile open(Path file) throws IOException {
        pass(Operation.OPEN);
        return new FaultyFile(inner.open(file));
    }

    @Override
    public void createFolder(Path folder) throws IOException {
        pass(Operation.MAKE);
        inner.createFolder(folder);
    }

    @Override
    public void move(Path from, Path to) throws IOException {
        pass(Operation.NAME);
        inner.move(from, to);
    }

    @Override
    public void delete(Path path) throws IOException {
        pass(Operation.NAME);
        inner.delete(path);
    }

    @Override
    public void syncFolder(Path folder) throws IOException {
        pass(Operation.SYNC);
    }

    private final class FaultyFile implements DiskFile {
        private final DiskFile file;

        FaultyFile(DiskFile file) {
            this.file = file;
        }

        @Override
        public void write(ByteBuffer bytes, long position) throws IOException {
            if (fails(Operation.WRITE)) {
                file.write(bytes.slice(bytes.position(), bytes.remaining() / 2), position);
                throw new IOException(fault.message);
            }
            file.write(bytes, position);
        }

        @Override
        public void truncate(long sizeBytes) throws IOException {
            pass(Operation.TRUNCATE);
            file.truncate(sizeBytes);
        }

        @Override
        public void force() throws IOException {
            pass(Operation.SYNC);
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }
}
