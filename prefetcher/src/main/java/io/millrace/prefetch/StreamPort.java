package io.millrace.prefetch;

import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceBuffer;
import io.millrace.memory.device.DeviceEvent;
import java.lang.foreign.MemorySegment;

/**
 * A device by its upload and offload streams; a lane waits for its copy's event, never a stream.
 */
final class StreamPort implements DevicePort {
    private final Device device;

    StreamPort(Device device) {
        if (device.unifiedMemory()) {
            throw new IllegalArgumentException(
                    device.name() + " computes on host memory, so that nothing is copied to it");
        }
        this.device = device;
    }

    private record BufferRegion(DeviceBuffer buffer) implements Region {
        @Override
        public MemorySegment segment() {
            return buffer.segment();
        }

        @Override
        public long address() {
            return buffer.address();
        }

        @Override
        public void close() {
            buffer.close();
        }
    }

    @Override
    public Region allocate(String purpose, long sizeBytes) {
        return new BufferRegion(device.allocate(purpose, sizeBytes));
    }

    @Override
    public DeviceEvent newEvent() {
        return device.newEvent();
    }

    @Override
    public void upload(MemorySegment host, Region region, CopyTimes times) {
        try (DeviceEvent began = device.newEvent();
                DeviceEvent arrived = device.newEvent()) {
            device.upload().record(began);
            device.upload().copyH2D(host, ((BufferRegion) region).buffer(), 0);
            device.upload().record(arrived);
            arrived.synchronize();
            times.set(began.timeNs(), arrived.timeNs());
        }
    }

    @Override
    public void download(Region region, MemorySegment host, CopyTimes times) {
        try (DeviceEvent began = device.newEvent();
                DeviceEvent arrived = device.newEvent()) {
            device.offload().record(began);
            device.offload().copyD2H(((BufferRegion) region).buffer(), 0, host);
            device.offload().record(arrived);
            arrived.synchronize();
            times.set(began.timeNs(), arrived.timeNs());
        }
    }
}
