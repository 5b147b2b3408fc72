package io.millrace.model.text.masked;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The ids of a text that has one mask in it.
 *
 * @param ids of all of it, marks included
 * @param place of the mask
 */
@SuppressWarnings("ArrayRecordComponent") // handed over to the caller
public record MaskedText(int[] ids, int place) {

    /**
     * Puts a text between its marks. Of one that is too long, what is farthest from the mask is
     * left out, on its longer side first; marks and mask stay.
     *
     * @param leading marks before it
     * @param body its ids, the mask's among them
     * @param trailing marks behind it
     * @param place of the mask in the body
     * @param most the most ids of all; at least the marks and the mask
     */
    public static MaskedText of(int[] leading, int[] body, int[] trailing, int place, int most) {
        int before = place;
        int behind = body.length - place - 1;
        int beside = most - leading.length - trailing.length - 1;
        if (before + behind > beside) {
            before = Math.min(before, Math.max((beside + 1) / 2, beside - behind));
            behind = beside - before;
        }
        int from = place - before;
        int[] ids = new int[leading.length + before + 1 + behind + trailing.length];
        System.arraycopy(leading, 0, ids, 0, leading.length);
        System.arraycopy(body, from, ids, leading.length, before + 1 + behind);
        System.arraycopy(trailing, 0, ids, ids.length - trailing.length, trailing.length);
        return new MaskedText(ids, leading.length + before);
    }

    /** Where some ids have the mask's. */
    public static int[] places(int[] ids, int mask) {
        return IntStream.range(0, ids.length).filter(i -> ids[i] == mask).toArray();
    }

    /**
     * What is scored where one id is the right one at the mask.
     *
     * @param id the right one
     * @param notScored the label of all other places
     */
    public int[] labels(int id, int notScored) {
        int[] labels = new int[ids.length];
        Arrays.fill(labels, notScored);
        labels[place] = id;
        return labels;
    }
}
