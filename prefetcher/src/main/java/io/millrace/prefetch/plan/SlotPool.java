package io.millrace.prefetch.plan;

import java.util.List;

/** Slots of one tier in a simulation: lent smallest first, as the pipeline's own are. */
final class SlotPool {
    static final int NONE = -1;

    private final long[] sizes;
    private final boolean[] lent;
    private int lentCount;
    private int mostLent;

    SlotPool(List<Long> sizes) {
        this.sizes = sizes.stream().mapToLong(Long::longValue).sorted().toArray();
        lent = new boolean[this.sizes.length];
    }

    int tryLend(long sizeBytes) {
        for (int slot = 0; slot < lent.length; slot++) {
            if (!lent[slot] && sizes[slot] >= sizeBytes) {
                lent[slot] = true;
                mostLent = Math.max(mostLent, ++lentCount);
                return slot;
            }
        }
        return NONE;
    }

    void giveBack(int slot) {
        if (!lent[slot]) {
            throw new IllegalStateException("slot " + slot + " was given back twice");
        }
        lent[slot] = false;
        lentCount--;
    }

    int mostLent() {
        return mostLent;
    }
}
