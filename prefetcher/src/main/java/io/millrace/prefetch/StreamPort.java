package io.millrace.prefetch;

import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceBuffer;
import io.millrace.memory.device.DeviceEvent;
import io.millrace.memory.device.DeviceStream;
import java.lang.foreign.MemorySegment;

/**
 * A device by its upload and offload streams; a lane waits for its copy's event, never a stream.
 */
final class StreamPort implements DevicePort {
    /** Far less than a block may have, and far more than a copy costs to begin. */
    private static final long PIECE_BYTES = 512L << 20;

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
        DeviceBuffer buffer = ((BufferRegion) region).buffer();
        copy(
                device.upload(),
                host,
                times,
                (piece, offset) -> device.upload().copyH2D(piece, buffer, offset));
    }

    @Override
    public void download(Region region, MemorySegment host, CopyTimes times) {
        DeviceBuffer buffer = ((BufferRegion) region).buffer();
        copy(
                device.offload(),
                host,
                times,
                (piece, offset) -> device.offload().copyD2H(buffer, offset, piece));
    }

    /** Copies a part of a block. */
    private interface PieceCopy {
        void start(MemorySegment piece, long offset);
    }

    private void copy(DeviceStream stream, MemorySegment host, CopyTimes times, PieceCopy copy) {
        try (DeviceEvent began = device.newEvent();
                DeviceEvent arrived = device.newEvent()) {
            stream.record(began);
            for (long done = 0; done < host.byteSize(); done += PIECE_BYTES) {
                copy.start(host.asSlice(done, Math.min(PIECE_BYTES, host.byteSize() - done)), done);
                stream.record(arrived);
                arrived.synchronize();
                times.pieceArrived();
            }
            times.set(began.timeNs(), arrived.timeNs());
        }
    }
}
