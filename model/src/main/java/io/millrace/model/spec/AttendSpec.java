package io.millrace.model.spec;

import java.util.List;
import java.util.Optional;

/**
 * Softmax attention of every query head.
 *
 * @param heads where queries, keys and values lie in a row
 * @param mask which positions a query sees
 * @param scale factor on q·k
 * @param softcap c in {@code c · tanh(score / c)}, 0 for none
 * @param slopes of each query head: what a score loses for each position that its key lies before
 *     its query (ALiBi, arXiv 2108.12409); empty where nothing does
 * @param sinks name of the vector [query heads] of a score for each head that counts in the sum of
 *     its softmax and has no value (gpt-oss); empty where there is none
 */
public record AttendSpec(
        HeadsSpec heads,
        Mask mask,
        float scale,
        float softcap,
        List<Float> slopes,
        Optional<String> sinks) {
    /** Freezes the slopes. */
    public AttendSpec {
        slopes = List.copyOf(slopes);
    }

    /** Scores that lose nothing with distance. */
    public AttendSpec(HeadsSpec heads, Mask mask, float scale, float softcap) {
        this(heads, mask, scale, softcap, List.of(), Optional.empty());
    }

    /** A query sees all before it, and scores are divided by √dim. */
    public static AttendSpec causal(HeadsSpec heads) {
        return causal(heads, 1 / Math.sqrt(heads.dim()));
    }

    /** A query sees all before it. */
    public static AttendSpec causal(HeadsSpec heads, double scale) {
        return new AttendSpec(heads, new Mask.Causal(), (float) scale, 0);
    }

    /** A query sees its whole sequence, and scores are divided by √dim. */
    public static AttendSpec full(HeadsSpec heads) {
        return new AttendSpec(heads, new Mask.Full(), (float) (1 / Math.sqrt(heads.dim())), 0);
    }

    /** The same where a query sees so many positions, itself included; 0 for all before it. */
    public AttendSpec withWindow(int positions) {
        return positions == 0
                ? this
                : new AttendSpec(heads, new Mask.Window(positions), scale, softcap, slopes, sinks);
    }

    /** The same with ALiBi's slopes. */
    public AttendSpec withSlopes(List<Float> ofHeads) {
        return new AttendSpec(heads, mask, scale, softcap, ofHeads, sinks);
    }

    /** The same with a score for each head that has no value. */
    public AttendSpec withSinks(String vector) {
        return new AttendSpec(heads, mask, scale, softcap, slopes, Optional.of(vector));
    }
}
