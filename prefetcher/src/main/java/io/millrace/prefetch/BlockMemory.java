package io.millrace.prefetch;

import io.millrace.memory.Tier;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.prefetch.residency.SlotCut;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** All memory that a placement asks for, allocated once: slots, staging, and blocks that stay. */
final class BlockMemory implements AutoCloseable {
    private final Placement placement;
    private final List<DevicePort.Region> owned = new ArrayList<>();
    private final DevicePort.Region[]
            stays; // on the host or on the device; null for passing blocks
    private final MemorySegment staging;
    private final SlotBank hostSlots;
    private final SlotBank deviceSlots;

    BlockMemory(Placement placement, HostMemory host, Optional<DevicePort> device) {
        this.placement = placement;
        int blocks = placement.homes().size();
        stays = new DevicePort.Region[blocks];
        SlotBank streaming = null;
        try {
            SlotBank.Memory pinned = (purpose, bytes) -> pinned(host, purpose, bytes);
            SlotBank.Memory onDevice =
                    device.map(port -> (SlotBank.Memory) port::allocate).orElse(pinned);
            for (int block = 0; block < blocks; block++) {
                String name = "block " + block + " of " + blocks;
                long bytes = HostMemory.pageBytes(placement.request().blockBytes().get(block));
                switch (placement.homes().get(block)) {
                    case NVME -> {}
                    case HOST -> stays[block] = own(pinned.allocate(name, bytes));
                    case DEVICE -> stays[block] = own(onDevice.allocate(name, bytes));
                }
            }
            staging =
                    placement.stagingBytes() == 0
                            ? MemorySegment.NULL
                            : own(pinned.allocate("staging", placement.stagingBytes())).segment();
            streaming = new SlotBank("host", placement.hostSlots(), pinned);
            deviceSlots = new SlotBank("device", SlotCut.whole(placement.deviceSlots()), onDevice);
            hostSlots = streaming;
        } catch (RuntimeException | Error e) {
            if (streaming != null) {
                streaming.close();
            }
            owned.forEach(DevicePort.Region::close);
            throw e;
        }
    }

    private DevicePort.Region own(DevicePort.Region region) {
        owned.add(region);
        return region;
    }

    private static DevicePort.Region pinned(HostMemory host, String purpose, long bytes) {
        HostSlab slab = host.allocatePinned(purpose, bytes);
        return new DevicePort.Region() {
            @Override
            public MemorySegment segment() {
                return slab.segment();
            }

            @Override
            public void close() {
                slab.close();
            }
        };
    }

    Tier home(int block) {
        return placement.homes().get(block);
    }

    long blockBytes(int block) {
        return placement.request().blockBytes().get(block);
    }

    long headBytes(int block) {
        return placement.request().headBytes().get(block);
    }

    /** Where a block stays, on its home tier. */
    DevicePort.Region stays(int block) {
        return stays[block];
    }

    MemorySegment staging() {
        return staging;
    }

    SlotBank hostSlots() {
        return hostSlots;
    }

    SlotBank deviceSlots() {
        return deviceSlots;
    }

    @Override
    public void close() {
        deviceSlots.close();
        hostSlots.close();
        owned.forEach(DevicePort.Region::close);
    }
}
