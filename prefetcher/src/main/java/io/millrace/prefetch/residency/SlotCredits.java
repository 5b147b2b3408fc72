package io.millrace.prefetch.residency;

import java.util.List;

/**
 * Which slots of one tier are lent, and by what rule: the pipeline's own and its simulation's. Not
 * safe for use from several threads.
 */
public final class SlotCredits {
    /** No slot. */
    public static final int NONE = -1;

    private final List<SlotCut.Slot> slots; // the smallest first: the first that fits is the one
    private final long[] cutBytes; // of the whole that a slot is or is part of, by slot
    private final boolean[] lent;
    private final boolean[] wholeLent; // by cut
    private final int[] partsLent; // by cut
    private int lentCount;
    private int mostLent;

    /** Free slots; they are numbered as by {@link SlotCut#slots}. */
    public SlotCredits(List<SlotCut> cuts) {
        slots = SlotCut.slots(cuts);
        cutBytes = slots.stream().mapToLong(slot -> cuts.get(slot.cut()).bytes()).toArray();
        lent = new boolean[slots.size()];
        wholeLent = new boolean[cuts.size()];
        partsLent = new int[cuts.size()];
    }

    /**
     * The smallest free slot that holds so many bytes; {@link #NONE} where all such are lent.
     *
     * @param soonBytes a block of this size needs a slot soon: slots that hold it, and their parts,
     *     are left alone as long as there are others, even if those are lent now
     */
    public int tryLend(long sizeBytes, long soonBytes) {
        boolean hasOwn = false;
        for (int slot = 0; slot < lent.length; slot++) {
            boolean holdsSoon = cutBytes[slot] >= soonBytes;
            if (slots.get(slot).bytes() < sizeBytes || (hasOwn && holdsSoon)) {
                continue;
            }
            hasOwn |= !holdsSoon;
            if (isFree(slot)) {
                lend(slot, true);
                mostLent = Math.max(mostLent, ++lentCount);
                return slot;
            }
        }
        return NONE;
    }

    /** Whether neither it is lent nor anything that lies where it does. */
    private boolean isFree(int slot) {
        int cut = slots.get(slot).cut();
        boolean isPart = slots.get(slot).isPart();
        return !lent[slot] && !wholeLent[cut] && (isPart || partsLent[cut] == 0);
    }

    private void lend(int slot, boolean away) {
        lent[slot] = away;
        int cut = slots.get(slot).cut();
        if (slots.get(slot).isPart()) {
            partsLent[cut] += away ? 1 : -1;
        } else {
            wholeLent[cut] = away;
        }
    }

    /** Takes a slot back that was lent. */
    public void giveBack(int slot) {
        if (!lent[slot]) {
            throw new IllegalStateException("slot " + slot + " was given back twice");
        }
        lend(slot, false);
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
