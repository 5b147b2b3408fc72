package io.millrace.memory.host;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** One page-aligned region of host memory with one owner. */
public final class HostSlab implements AutoCloseable {
    private final Arena arena;
    private final MemorySegment segment;
    private final Runnable release;
    private boolean closed;

    HostSlab(Arena arena, MemorySegment segment, Runnable release) {
        this.arena = arena;
        this.segment = segment;
        this.release = release;
    }

    /** The whole region; use after {@link #close} throws IllegalStateException. */
    public MemorySegment segment() {
        return segment;
    }

    /** Bytes of the region. */
    public long sizeBytes() {
        return segment.byteSize();
    }

    /** Frees the region; a second call does nothing. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            arena.close();
            release.run();
        }
    }
}
