package io.millrace.prefetch.residency;

import java.util.List;

/**
 * Which slots of one tier are lent, and by what rule: the pipeline's own and its simulation's. Not
 * safe for use from several threads.
 */
public final class SlotCredits {
    /** No slot. */
    public static final int NONE = -1;

    private final long[]
            sizes; // the smallest first, so that the first that fits is the one to lend
    private final boolean[] lent;
    private int lentCount;
    private int mostLent;

    /** Free slots of some sizes in bytes; they are numbered from the smallest. */
    public SlotCredits(List<Long> sizes) {
        this.sizes = sizes.stream().mapToLong(Long::longValue).sorted().toArray();
        lent = new boolean[this.sizes.length];
    }

    /**
     * The smallest free slot that holds so many bytes; {@link #NONE} where all such are lent.
     *
     * @param soonBytes a block of this size needs a slot soon: slots that hold it are left alone as
     *     long as there are others, even if those are lent now
     */
    public int tryLend(long sizeBytes, long soonBytes) {
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
                mostLent = Math.max(mostLent, ++lentCount);
                return slot;
            }
        }
        return NONE;
    }

    /** Takes a slot back that was lent. */
    public void giveBack(int slot) {
        if (!lent[slot]) {
            throw new IllegalStateException("slot " + slot + " was given back twice");
        }
        lent[slot] = false;
        lentCount--;
    }

    /** Slots lent now. */
    public int lentCount() {
        return lentCount;
    }

    /** The most slots ever lent at once. */
    public int mostLent() {
        return mostLent;
    }
}
