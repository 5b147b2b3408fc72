package io.millrace.memory.device;

import io.millrace.memory.OpenResources;
import io.millrace.memory.host.HostSlab;
import java.lang.foreign.MemorySegment;

/** Device memory that is host memory: a slab of the device's own, or one that it was lent. */
final class HostBuffer implements DeviceBuffer {
    private final MemorySegment segment;
    private final HostSlab slab; // null where the memory is lent
    private final OpenResources open;
    private final OpenResources.Opening opening;
    private boolean closed;

    /** A buffer that owns its slab. */
    HostBuffer(HostSlab slab, String purpose, OpenResources open) {
        this.segment = slab.segment();
        this.slab = slab;
        this.open = open;
        this.opening = open.opened(purpose);
    }

    /** A buffer over memory that someone else owns. */
    HostBuffer(MemorySegment lent, OpenResources open) {
        this.segment = lent;
        this.slab = null;
        this.open = open;
        this.opening = open.opened("adopted host memory");
    }

    @Override
    public long sizeBytes() {
        return segment.byteSize();
    }

    @Override
    public long address() {
        return segment.address();
    }

    @Override
    public synchronized MemorySegment segment() {
        if (closed) {
            throw new IllegalStateException("the device buffer is closed");
        }
        return segment;
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            if (slab != null) {
                slab.close();
            }
            open.closed(opening);
        }
    }
}
