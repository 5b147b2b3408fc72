package io.millrace.prefetch;

import io.millrace.prefetch.residency.SlotCut;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** The memory of the slots of one tier, numbered as by {@link SlotCut#slots}. Owns it. */
final class SlotBank implements AutoCloseable {
    private final List<DevicePort.Region> wholes = new ArrayList<>();
    private final List<DevicePort.Region> regions;

    /** Allocates a slot. */
    interface Memory {
        DevicePort.Region allocate(String purpose, long sizeBytes);
    }

    SlotBank(String purpose, List<SlotCut> cuts, Memory memory) {
        try {
            for (SlotCut cut : cuts) {
                String name = purpose + " slot " + (wholes.size() + 1) + " of " + cuts.size();
                wholes.add(memory.allocate(name, cut.bytes()));
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
        regions = SlotCut.slots(cuts).stream().map(this::place).toList();
    }

    private DevicePort.Region place(SlotCut.Slot slot) {
        DevicePort.Region whole = wholes.get(slot.cut());
        return slot.isPart()
                ? new Part(whole.segment().asSlice(slot.offset(), slot.bytes()))
                : whole;
    }

    DevicePort.Region region(int slot) {
        return regions.get(slot);
    }

    @Override
    public void close() {
        wholes.forEach(DevicePort.Region::close);
    }

    /** One part of a slot that is cut; the whole is closed in its place. */
    private record Part(MemorySegment segment) implements DevicePort.Region {
        @Override
        public void close() {}
    }
}
