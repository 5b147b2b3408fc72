package io.millrace.prefetch.residency;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.LongStream;

/**
 * A slot that one block fills, or several smaller ones that lie in it side by side: what a large
 * embedding needs for two visits of a step is room for two layers in all the others.
 *
 * @param bytes of the whole
 * @param parts how many blocks it may hold at once in the place of one; 0 where it is not cut
 * @param partBytes of each part; 0 where it is not cut
 */
public record SlotCut(long bytes, int parts, long partBytes) {
    /** Checks that the parts fit. */
    public SlotCut {
        if (bytes < 1 || parts < 0 || partBytes < 0 || parts * partBytes > bytes) {
            throw new IllegalArgumentException(
                    "a slot of " + bytes + " bytes in " + parts + " parts of " + partBytes);
        }
    }

    /** Slots that are not cut. */
    public static List<SlotCut> whole(List<Long> sizes) {
        return sizes.stream().map(bytes -> new SlotCut(bytes, 0, 0)).toList();
    }

    /** A slot cut into as many parts of some bytes as it holds, where those are several. */
    public static SlotCut of(long bytes, long partBytes) {
        long parts = partBytes > 0 ? bytes / partBytes : 0;
        return parts > 1
                ? new SlotCut(bytes, Math.toIntExact(parts), partBytes)
                : new SlotCut(bytes, 0, 0);
    }

    /** How many blocks of the smaller size it holds. */
    public int room() {
        return Math.max(1, parts);
    }

    /**
     * What can be lent of a cut: the whole or one part.
     *
     * @param cut which of the list
     * @param offset bytes from its beginning
     * @param bytes of the slot
     * @param isPart whether the whole may be lent instead
     */
    public record Slot(int cut, long offset, long bytes, boolean isPart) {}

    /**
     * All that can be lent, the smallest first, as {@link SlotCredits} numbers them; of one size
     * those that are no parts come first.
     */
    public static List<Slot> slots(List<SlotCut> cuts) {
        List<Slot> slots = new ArrayList<>();
        for (int cut = 0; cut < cuts.size(); cut++) {
            int index = cut;
            SlotCut slot = cuts.get(cut);
            slots.add(new Slot(index, 0, slot.bytes, false));
            LongStream.range(0, slot.parts)
                    .mapToObj(part -> new Slot(index, part * slot.partBytes, slot.partBytes, true))
                    .forEach(slots::add);
        }
        slots.sort(Comparator.comparingLong(Slot::bytes).thenComparing(Slot::isPart));
        return List.copyOf(slots);
    }
}
