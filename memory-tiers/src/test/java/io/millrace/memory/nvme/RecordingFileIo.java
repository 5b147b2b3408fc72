package io.millrace.memory.nvme;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoFile;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.memory.nvme.io.IoPath;
import io.millrace.memory.nvme.io.IoRequest;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Remembers every write and sync, when each was asked for and when it ended, so that {@link
 * CrashImages} can lay out what a drive might hold had the power failed at any instant between.
 */
public final class RecordingFileIo implements FileIo {
    /** Something that happened, in order. */
    public sealed interface Event {
        /** A write was handed to the drive. */
        record WriteBegan(int id, Path file, long position, ByteBuffer bytes) implements Event {}

        /** A sync was handed to the drive. */
        record SyncBegan(int id, Path file) implements Event {}

        /** A write or sync ended well. */
        record Ended(int id) implements Event {}

        /** The program under test noted something. */
        record Mark(Object note) implements Event {}
    }

    private final FileIo inner;
    private final List<Event> events = new ArrayList<>();
    private int nextId;

    /** Wraps a drive and owns it. */
    public RecordingFileIo(FileIo inner) {
        this.inner = inner;
    }

    /** What happened so far. */
    public synchronized List<Event> events() {
        return List.copyOf(events);
    }

    /** Adds a note to the sequence. */
    public synchronized void mark(Object note) {
        events.add(new Event.Mark(note));
    }

    @Override
    public IoPath path() {
        return inner.path();
    }

    @Override
    public IoOptions options() {
        return inner.options();
    }

    @Override
    public void preallocate(Path file, long sizeBytes) {
        inner.preallocate(file, sizeBytes);
    }

    @Override
    public IoFile open(Path file, boolean writable) {
        return new RecordingFile(inner.open(file, writable));
    }

    @Override
    public void close() {
        inner.close();
    }

    private synchronized int began(IoRequest request, Path file) {
        int id = nextId++;
        events.add(
                request.op() == IoRequest.Op.SYNC
                        ? new Event.SyncBegan(id, file)
                        : new Event.WriteBegan(
                                id, file, request.position(), copyOf(request.data())));
        return id;
    }

    private static ByteBuffer copyOf(MemorySegment data) {
        return ByteBuffer.wrap(data.toArray(JAVA_BYTE)).asReadOnlyBuffer();
    }

    private synchronized void ended(int id) {
        events.add(new Event.Ended(id));
    }

    private final class RecordingFile implements IoFile {
        private final IoFile file;

        RecordingFile(IoFile file) {
            this.file = file;
        }

        @Override
        public Path path() {
            return file.path();
        }

        @Override
        public long sizeBytes() {
            return file.sizeBytes();
        }

        @Override
        public int alignment() {
            return file.alignment();
        }

        @Override
        public void submit(IoRequest request) {
            if (request.op() != IoRequest.Op.READ) {
                int id = began(request, file.path());
                request.interceptBy((done, result) -> {
                    if (result >= 0) {
                        ended(id);
                    }
                    return result;
                });
            }
            file.submit(request);
        }

        @Override
        public void close() {
            file.close();
        }
    }
}
