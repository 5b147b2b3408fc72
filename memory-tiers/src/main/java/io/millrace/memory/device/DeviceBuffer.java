package io.millrace.memory.device;

import java.lang.foreign.MemorySegment;

/** A region of device memory with one owner; page-aligned at least. */
public interface DeviceBuffer extends AutoCloseable {
    /** Bytes of it. */
    long sizeBytes();

    /** Its address on the device. */
    long address();

    /**
     * Its bytes, where the host can address device memory.
     *
     * @throws UnsupportedOperationException where it cannot
     * @throws IllegalStateException after {@link #close}
     */
    MemorySegment segment();

    /** Frees it; nothing on a stream may use it any more. A second call does nothing. */
    @Override
    void close();
}
