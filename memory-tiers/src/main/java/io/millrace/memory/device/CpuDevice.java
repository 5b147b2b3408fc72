package io.millrace.memory.device;

import io.millrace.memory.Ledger;
import io.millrace.memory.OpenResources;
import io.millrace.memory.host.HostMemory;
import java.lang.foreign.MemorySegment;

/** The CPU: computes where the bytes already are. Its memory counts as host memory. */
final class CpuDevice implements Device {
    private final HostMemory memory;
    private final OpenResources open = new OpenResources();
    private final DeviceStream upload = new InlineStream("upload");
    private final DeviceStream compute = new InlineStream("compute");
    private final DeviceStream offload = new InlineStream("offload");

    CpuDevice(Ledger ledger) {
        memory = new HostMemory(ledger);
    }

    @Override
    public DeviceName name() {
        return DeviceName.CPU;
    }

    @Override
    public DeviceBuffer allocate(String purpose, long sizeBytes) {
        return new HostBuffer(memory.allocate(purpose, sizeBytes), purpose, open);
    }

    @Override
    public DeviceBuffer adopt(MemorySegment hostMemory) {
        return new HostBuffer(hostMemory, open);
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
    public void close() {
        open.requireNone("device cpu");
    }
}
