package io.millrace.memory.host;

import io.millrace.memory.OpenResources;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** One page-aligned region of host memory with one owner. */
public final class HostSlab implements AutoCloseable {
    /** Whether the pages stay where they are. */
    enum Pin {
        NOT_ASKED,
        PINNED,
        REFUSED
    }

    private final HostMemory owner;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment segment;
    private final MemorySegment pages;
    private final OpenResources.Opening opening;
    private Pin pin = Pin.NOT_ASKED;
    private boolean closed;

    HostSlab(HostMemory owner, String purpose, long address, long sizeBytes, long chargedBytes) {
        this.owner = owner;
        // The arena guards use after close; the pages go back in close(), after it.
        this.segment = NativePages.view(address, sizeBytes, arena);
        this.pages = NativePages.view(address, chargedBytes, Arena.global());
        this.opening = owner.opened(purpose);
    }

    /** The whole region; use after {@link #close} throws IllegalStateException. */
    public MemorySegment segment() {
        return segment;
    }

    /** A part of the region, checked against its bounds, as typed reads and writes. */
    public HostBytes bytes(long offsetBytes, long sizeBytes) {
        return new HostBytes(segment.asSlice(offsetBytes, sizeBytes));
    }

    /** Bytes that were asked for. */
    public long sizeBytes() {
        return segment.byteSize();
    }

    /** Whether the pages are pinned. */
    public synchronized boolean isPinned() {
        return pin == Pin.PINNED;
    }

    /** Frees the region; a second call does nothing. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            arena.close();
            owner.release(pages, pages.byteSize(), pin, opening);
        }
    }

    MemorySegment pages() {
        return pages;
    }

    synchronized void setPinned(Pin granted) {
        pin = granted;
    }
}
