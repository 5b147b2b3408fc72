package io.millrace.memory.host;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Objects;
import net.openhft.chronicle.bytes.PointerBytesStore;

/**
 * Little-endian records in host memory, through Chronicle Bytes. Chronicle's own stores accept
 * writes past their end, so bounds and life are checked here.
 */
public final class HostBytes implements AutoCloseable {
    private static final boolean NATIVE_IS_LITTLE =
            ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;

    private final MemorySegment segment;
    private final PointerBytesStore store = new PointerBytesStore();

    HostBytes(MemorySegment segment) {
        if (!NATIVE_IS_LITTLE) {
            throw new UnsupportedOperationException("records need a little-endian machine");
        }
        this.segment = segment;
        store.set(segment.address(), segment.byteSize());
    }

    /** Bytes in view. */
    public long sizeBytes() {
        return segment.byteSize();
    }

    /** The same bytes as a segment. */
    public MemorySegment segment() {
        return segment;
    }

    /** Reads 8 bytes. */
    public long readLong(long offset) {
        return store.readLong(check(offset, Long.BYTES));
    }

    /** Writes 8 bytes. */
    public HostBytes writeLong(long offset, long value) {
        store.writeLong(check(offset, Long.BYTES), value);
        return this;
    }

    /** Reads 4 bytes. */
    public int readInt(long offset) {
        return store.readInt(check(offset, Integer.BYTES));
    }

    /** Writes 4 bytes. */
    public HostBytes writeInt(long offset, int value) {
        store.writeInt(check(offset, Integer.BYTES), value);
        return this;
    }

    /** Sets every byte to zero. */
    public HostBytes clear() {
        check(0, segment.byteSize());
        store.zeroOut(0, segment.byteSize());
        return this;
    }

    /** Drops the view; the slab stays. */
    @Override
    public void close() {
        store.releaseLast();
    }

    private long check(long offset, long sizeBytes) {
        if (!segment.scope().isAlive()) {
            throw new IllegalStateException("the slab behind these bytes is closed");
        }
        return Objects.checkFromIndexSize(offset, sizeBytes, segment.byteSize());
    }
}
