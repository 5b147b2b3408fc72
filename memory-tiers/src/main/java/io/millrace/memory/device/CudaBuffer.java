package io.millrace.memory.device;

import io.millrace.memory.OpenResources;
import java.lang.foreign.MemorySegment;

/** Memory of a CUDA device, which the host cannot address. */
final class CudaBuffer implements DeviceBuffer {
    private final CudaDevice device;
    private final long address;
    private final long sizeBytes;
    private final OpenResources.Opening opening;
    private volatile boolean closed;

    CudaBuffer(CudaDevice device, long address, long sizeBytes, OpenResources.Opening opening) {
        this.device = device;
        this.address = address;
        this.sizeBytes = sizeBytes;
        this.opening = opening;
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public long address() {
        return address;
    }

    /** The address of a part, checked. */
    long at(long offset, long partBytes) {
        if (closed) {
            throw new IllegalStateException("the device buffer is closed");
        }
        if (offset < 0 || partBytes > sizeBytes - offset) {
            throw new IndexOutOfBoundsException(
                    partBytes + " bytes at " + offset + " of a buffer of " + sizeBytes);
        }
        return address + offset;
    }

    @Override
    public MemorySegment segment() {
        throw new UnsupportedOperationException(
                "the host cannot address the memory of " + device.name() + "; copy it");
    }

    @Override
    public void close() {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
        }
        device.free(address, sizeBytes, opening);
    }
}
