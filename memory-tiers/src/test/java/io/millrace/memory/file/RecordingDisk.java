package io.millrace.memory.file;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Does what it is asked to, and remembers it in order, so that {@link PowerLoss} can lay out what a
 * disk might hold had the power failed between any two operations. Syncs are only remembered, which
 * keeps tests quick. For use by one thread.
 */
public class RecordingDisk implements Disk {
    /** What was done. */
    public sealed interface Operation {
        /** A file was opened, made where it was not there. */
        record Opened(int handle, Path file, boolean emptied) implements Operation {}

        /** Bytes were handed over. */
        record Wrote(int handle, long position, byte[] bytes) implements Operation {}

        /** A file was cut. */
        record Cut(int handle, long sizeBytes) implements Operation {}

        /** A file's bytes were seen onto the disk. */
        record Forced(int handle) implements Operation {}

        /** A folder was made. */
        record MadeFolder(Path folder) implements Operation {}

        /** A file took another name. */
        record Moved(Path from, Path to) implements Operation {}

        /** A file or folder was deleted. */
        record Deleted(Path path) implements Operation {}

        /** A folder's names were seen onto the disk. */
        record SyncedFolder(Path folder) implements Operation {}

        /** The program under test noted something. */
        record Mark(Object note) implements Operation {}
    }

    private final Disk inner = Disk.system();
    private final Path root;
    private final List<Operation> operations = new ArrayList<>();
    private int handles;

    /**
     * Records all that happens below a folder; what happens elsewhere is refused.
     *
     * @param root the folder
     */
    public RecordingDisk(Path root) {
        this.root = root.toAbsolutePath().normalize();
    }

    /** All operations so far; paths begin at the root. */
    public List<Operation> operations() {
        return List.copyOf(operations);
    }

    /** Puts a note between the operations. */
    public void mark(Object note) {
        operations.add(new Operation.Mark(note));
    }

    @Override
    public DiskFile create(Path file) throws IOException {
        return record(inner.create(file), file, false);
    }

    @Override
    public DiskFile overwrite(Path file) throws IOException {
        return record(inner.overwrite(file), file, true);
    }

    @Override
    public DiskFile open(Path file) throws IOException {
        return record(inner.open(file), file, false);
    }

    private DiskFile record(DiskFile file, Path path, boolean emptied) {
        int handle = handles++;
        operations.add(new Operation.Opened(handle, relative(path), emptied));
        return new RecordingFile(file, handle);
    }

    @Override
    public void createFolder(Path folder) throws IOException {
        inner.createFolder(folder);
        operations.add(new Operation.MadeFolder(relative(folder)));
    }

    @Override
    public void move(Path from, Path to) throws IOException {
        inner.move(from, to);
        operations.add(new Operation.Moved(relative(from), relative(to)));
    }

    @Override
    public void delete(Path path) throws IOException {
        inner.delete(path);
        operations.add(new Operation.Deleted(relative(path)));
    }

    @Override
    public void syncFolder(Path folder) {
        if (!root.startsWith(folder) || root.equals(folder)) { // above the root nothing changes
            operations.add(new Operation.SyncedFolder(relative(folder)));
        }
    }

    private Path relative(Path path) {
        Path absolute = path.toAbsolutePath().normalize();
        if (!absolute.startsWith(root)) {
            throw new IllegalArgumentException(path + " is not below " + root);
        }
        return root.relativize(absolute);
    }

    private final class RecordingFile implements DiskFile {
        private final DiskFile file;
        private final int handle;

        RecordingFile(DiskFile file, int handle) {
            this.file = file;
            this.handle = handle;
        }

        @Override
        public void write(ByteBuffer bytes, long position) throws IOException {
            byte[] copy = new byte[bytes.remaining()];
            bytes.duplicate().get(copy);
            file.write(bytes, position);
            operations.add(new Operation.Wrote(handle, position, copy));
        }

        @Override
        public void truncate(long sizeBytes) throws IOException {
            file.truncate(sizeBytes);
            operations.add(new Operation.Cut(handle, sizeBytes));
        }

        @Override
        public void force() {
            operations.add(new Operation.Forced(handle));
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }
}
