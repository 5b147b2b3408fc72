package io.millrace.prefetch;

import java.util.ArrayList;
import java.util.List;

/**
 * The memory of the slots of one tier, numbered from the smallest as in {@link
 * io.millrace.prefetch.residency.SlotCredits}. Owns it.
 */
final class SlotBank implements AutoCloseable {
    private final List<DevicePort.Region> regions = new ArrayList<>();

    /** Allocates a slot. */
    interface Memory {
        DevicePort.Region allocate(String purpose, long sizeBytes);
    }

    SlotBank(String purpose, List<Long> sizes, Memory memory) {
        try {
            for (long sizeBytes : sizes.stream().sorted().toList()) {
                String name = purpose + " slot " + (regions.size() + 1) + " of " + sizes.size();
                regions.add(memory.allocate(name, sizeBytes));
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    DevicePort.Region region(int slot) {
        return regions.get(slot);
    }

    @Override
    public void close() {
        regions.forEach(DevicePort.Region::close);
    }
}
