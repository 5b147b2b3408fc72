package io.millrace.memory.device;

import io.millrace.memory.Ledger;
import io.millrace.memory.OpenResources;
import io.millrace.memory.Tier;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.Pinning;
import java.lang.foreign.MemorySegment;

/**
 * A CPU that keeps up the appearance of a card: memory of its own with its own budget, and streams
 * on threads of their own with copies that take as long as they are told to. What overlaps on it
 * overlaps in truth.
 */
final class EmulatedDevice implements Device {
    private final HostMemory memory;
    private final OpenResources open = new OpenResources();
    private final ThreadedStream upload;
    private final ThreadedStream compute;
    private final ThreadedStream offload;
    private boolean closed;

    EmulatedDevice(Ledger ledger, DeviceOptions options) {
        memory = new HostMemory(ledger, Tier.DEVICE, Pinning.mlock());
        upload = new ThreadedStream("upload", options.h2dBytesPerSecond());
        compute = new ThreadedStream("compute", 0);
        offload = new ThreadedStream("offload", options.d2hBytesPerSecond());
    }

    @Override
    public DeviceName name() {
        return DeviceName.EMULATED;
    }

    @Override
    public DeviceBuffer allocate(String purpose, long sizeBytes) {
        return new HostBuffer(memory.allocate(purpose, sizeBytes), purpose, open);
    }

    @Override
    public DeviceBuffer adopt(MemorySegment hostMemory) {
        throw new UnsupportedOperationException(
                "the emulated device has its own memory; copy to it");
    }

    @Override
    public DeviceStream upload() {
        return upload;
    }

    @Override
    public DeviceStream compute() {
        return compute;
    }

    @Override
    public DeviceStream offload() {
        return offload;
    }

    @Override
    public DeviceEvent newEvent() {
        return new HostEvent();
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            upload.close();
            compute.close();
            offload.close();
            open.requireNone("device emulated");
        }
    }
}
