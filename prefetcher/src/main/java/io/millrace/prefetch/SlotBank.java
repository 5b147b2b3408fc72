package io.millrace.prefetch;

import java.util.ArrayList;
import java.util.List;

/** Slots of one tier, lent and returned; guarded by the pipeline's monitor. Owns their memory. */
final class SlotBank implements AutoCloseable {
    static final int NONE = -1;

    private final String purpose;
    private final List<DevicePort.Region> regions = new ArrayList<>();
    private final long[]
            sizes; // the smallest first, so that the first that fits is the one to lend
    private final boolean[] lent;

    /** Allocates a slot. */
    interface Memory {
        DevicePort.Region allocate(String purpose, long sizeBytes);
    }

    SlotBank(String purpose, List<Long> sizes, Memory memory) {
        this.purpose = purpose;
        this.sizes = sizes.stream().mapToLong(Long::longValue).sorted().toArray();
        lent = new boolean[this.sizes.length];
        try {
            for (long size : this.sizes) {
                String name = purpose + " slot " + (regions.size() + 1) + " of " + lent.length;
                regions.add(memory.allocate(name, size));
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /**
     * The smallest free slot that holds so many bytes; NONE where all such are lent.
     *
     * @param soonBytes a block of this size needs a slot soon: slots that hold it are left alone as
     *     long as there are others, even if those are lent now
     */
    int tryLend(long sizeBytes, long soonBytes) {
        boolean hasOwn = false;
        for (int slot = 0; slot < lent.length; slot++) {
            if (sizes[slot] < sizeBytes) {
                continue;
            }
            if (hasOwn && sizes[slot] >= soonBytes) {
                return NONE;
            }
            hasOwn |= sizes[slot] < soonBytes;
            if (!lent[slot]) {
                lent[slot] = true;
                return slot;
            }
        }
        return NONE;
    }

    void giveBack(int slot) {
        if (!lent[slot]) {
            throw new IllegalStateException(purpose + " slot " + slot + " was given back twice");
        }
        lent[slot] = false;
    }

    DevicePort.Region region(int slot) {
        return regions.get(slot);
    }

    int lentCount() {
        int count = 0;
        for (boolean one : lent) {
            count += one ? 1 : 0;
        }
        return count;
    }

    @Override
    public void close() {
        regions.forEach(DevicePort.Region::close);
    }
}
