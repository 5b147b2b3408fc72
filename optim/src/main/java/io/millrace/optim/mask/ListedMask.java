package io.millrace.optim.mask;

import java.util.Arrays;

/** The elements that are listed, the same in every step; none of a tensor without a list. */
public final class ListedMask implements ElementMask {
    /** Elements between two of those that lists are looked up from. */
    public static final int STRETCH = 1024;

    /** A value by itself costs as much as so many in a row. */
    private static final int ALONE = 16;

    /** So many of a list are passed over as fast as a piece is looked up. */
    private static final int LISTED_A_PIECE = 4;

    private final Chosen[] lists; // by tensor

    ListedMask(Chosen[] lists) {
        this.lists = lists;
    }

    /** How many tensors it knows; ids are below. */
    public int tensors() {
        return lists.length;
    }

    /** How many elements of a tensor are listed. */
    public int listed(int tensorId) {
        return lists[tensorId].list().length;
    }

    /** Stretches of {@value #STRETCH} elements that a list is cut into; they reach its end. */
    public int stretches(int tensorId) {
        return lists[tensorId].starts().length - 1;
    }

    /** How many are below the first element of each stretch, and last how many there are. */
    public int[] starts(int tensorId) {
        return lists[tensorId].starts().clone();
    }

    /** Where each of them lies in its stretch, in ascending order. */
    public short[] places(int tensorId) {
        long[] list = lists[tensorId].list();
        short[] places = new short[list.length];
        for (int i = 0; i < places.length; i++) {
            places[i] = (short) (list[i] % STRETCH);
        }
        return places;
    }

    @Override
    public void apply(
            long step,
            int tensorId,
            long firstElement,
            float[] p,
            float[] z,
            int offset,
            int count) {
        long[] list = lists[tensorId].list();
        int end = offset + count;
        int clear = offset;
        int at = lists[tensorId].below(firstElement);
        for (; at < list.length && list[at] < firstElement + count; at++) {
            int kept = offset + (int) (list[at] - firstElement);
            Arrays.fill(z, clear, kept, 0f);
            clear = kept + 1;
        }
        Arrays.fill(z, clear, end, 0f);
    }

    /** Goes over what is listed from the first piece to the last, where that is little. */
    @Override
    public void fill(
            Unmasked unmasked,
            long seed,
            long step,
            int tensorId,
            Tile tile,
            float[] p,
            float[] z) {
        Chosen chosen = lists[tensorId];
        long last = tile.first() + (tile.pieces() - 1) * tile.stride() + tile.width();
        int from = chosen.below(tile.first());
        int to = chosen.below(last);
        boolean few = to - from <= (long) tile.pieces() * LISTED_A_PIECE;
        if (tile.pieces() == 1 || !few) {
            ElementMask.super.fill(unmasked, seed, step, tensorId, tile, p, z);
            return;
        }
        Arrays.fill(z, 0, tile.pieces() * tile.width(), 0f);
        for (int at = from; at < to; at++) {
            long skipped = chosen.list()[at] - tile.first();
            int piece = (int) (skipped / tile.stride());
            int place = (int) (skipped - piece * tile.stride());
            if (place < tile.width()) {
                int offset = piece * tile.width() + place;
                unmasked.fill(seed, tensorId, chosen.list()[at], z, offset, 1);
            }
        }
    }

    /** Makes z of what is listed alone where that is little. */
    @Override
    public void fill(
            Unmasked unmasked,
            long seed,
            long step,
            int tensorId,
            long firstElement,
            float[] p,
            float[] z,
            int offset,
            int count) {
        Chosen chosen = lists[tensorId];
        long[] list = chosen.list();
        int from = chosen.below(firstElement);
        int to = chosen.below(firstElement + count);
        if ((long) (to - from) * ALONE > count) {
            ElementMask.super.fill(
                    unmasked, seed, step, tensorId, firstElement, p, z, offset, count);
            return;
        }
        Arrays.fill(z, offset, offset + count, 0f);
        int end;
        for (int at = from; at < to; at = end) {
            end = at + 1;
            while (end < to && list[end] == list[end - 1] + 1) {
                end++;
            }
            int place = offset + (int) (list[at] - firstElement);
            unmasked.fill(seed, tensorId, list[at], z, place, end - at);
        }
    }

    /**
     * Ascending indices of a tensor.
     *
     * @param list of them
     * @param starts how many of them are below each {@value #STRETCH}th element
     */
    record Chosen(long[] list, int[] starts) {
        static Chosen of(long[] list, long elements) {
            int[] starts = new int[Math.toIntExact(elements / STRETCH) + 2];
            for (long index : list) {
                starts[(int) (index / STRETCH) + 1]++;
            }
            Arrays.parallelPrefix(starts, Integer::sum);
            return new Chosen(list, starts);
        }

        /** How many are below an element, or below the tensor's end. */
        int below(long element) {
            if (list.length == 0) {
                return 0;
            }
            int stretch = (int) (element / STRETCH);
            int found = Arrays.binarySearch(list, starts[stretch], starts[stretch + 1], element);
            return found < 0 ? -found - 1 : found;
        }
    }
}
