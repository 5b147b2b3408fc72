package io.millrace.executor.cuda.weight;

import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceBuffer;
import io.millrace.memory.device.DeviceEvent;
import io.millrace.memory.host.HostSlab;
import java.lang.foreign.MemorySegment;

/** Brings what a run begins with to a device, through pinned memory, and waits for it. */
public final class StagedCopy {
    private final Device device;
    private final HostSlab staging;

    /** Copies of any length through some pinned memory, which nothing else uses meanwhile. */
    public StagedCopy(Device device, HostSlab staging) {
        this.device = device;
        this.staging = staging;
    }

    /** Copies memory of the host to a place of a buffer. */
    public void copy(MemorySegment from, DeviceBuffer to, long place) {
        long most = staging.segment().byteSize();
        try (DeviceEvent copied = device.newEvent()) {
            for (long at = 0; at < from.byteSize(); at += most) {
                long bytes = Math.min(most, from.byteSize() - at);
                MemorySegment part = staging.segment().asSlice(0, bytes);
                part.copyFrom(from.asSlice(at, bytes));
                device.compute().copyH2D(part, to, place + at);
                device.compute().record(copied);
                copied.synchronize();
            }
        }
    }
}
