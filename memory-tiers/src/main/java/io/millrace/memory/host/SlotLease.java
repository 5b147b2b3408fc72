package io.millrace.memory.host;

import io.millrace.memory.OpenResources;
import java.lang.foreign.MemorySegment;

/** The right to use one slot of a pool until it is closed. */
public final class SlotLease implements AutoCloseable {
    private final SlabPool pool;
    private final int slot;
    private final OpenResources.Opening opening;
    private MemorySegment segment;

    SlotLease(SlabPool pool, int slot, MemorySegment segment, OpenResources.Opening opening) {
        this.pool = pool;
        this.slot = slot;
        this.segment = segment;
        this.opening = opening;
    }

    /** The slot's bytes, whole pages; whoever keeps them past {@link #close} breaks the lease. */
    public synchronized MemorySegment segment() {
        if (segment == null) {
            throw new IllegalStateException("the lease of slot " + slot + " is closed");
        }
        return segment;
    }

    /** The slot's place in its pool. */
    public int slot() {
        return slot;
    }

    /** Gives the slot back; a second call does nothing. */
    @Override
    public synchronized void close() {
        if (segment != null) {
            segment = null;
            pool.release(slot, opening);
        }
    }
}
