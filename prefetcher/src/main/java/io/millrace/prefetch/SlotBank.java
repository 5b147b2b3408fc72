package io.millrace.prefetch;

import java.util.ArrayList;
import java.util.List;

/** Slots of one tier, lent and returned; guarded by the pipeline's monitor. Owns their memory. */
final class SlotBank implements AutoCloseable {
    static final int NONE = SlotCredits.NONE;

    private final List<DevicePort.Region> regions = new ArrayList<>();
    private final SlotCredits credits;

    /** Allocates a slot. */
    interface Memory {
        DevicePort.Region allocate(String purpose, long sizeBytes);
    }

    SlotBank(String purpose, List<Long> sizes, Memory memory) {
        credits = new SlotCredits(sizes);
        try {
            for (int slot = 0; slot < credits.count(); slot++) {
                String name = purpose + " slot " + (slot + 1) + " of " + credits.count();
                regions.add(memory.allocate(name, credits.size(slot)));
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** As {@link SlotCredits#tryLend}. */
    int tryLend(long sizeBytes, long soonBytes) {
        return credits.tryLend(sizeBytes, soonBytes);
    }

    void giveBack(int slot) {
        credits.giveBack(slot);
    }

    DevicePort.Region region(int slot) {
        return regions.get(slot);
    }

    int lentCount() {
        return credits.lentCount();
    }

    @Override
    public void close() {
        regions.forEach(DevicePort.Region::close);
    }
}
