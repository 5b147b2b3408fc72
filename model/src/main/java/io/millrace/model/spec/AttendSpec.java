package io.millrace.model.spec;

/**
 * Softmax attention of every query head.
 *
 * @param heads where queries, keys and values lie in a row
 * @param mask which positions a query sees
 * @param scale factor on q·k
 * @param softcap c in {@code c · tanh(score / c)}, 0 for none
 */
public record AttendSpec(HeadsSpec heads, Mask mask, float scale, float softcap) {
    /** A query sees all before it, and scores are divided by √dim. */
    public static AttendSpec causal(HeadsSpec heads) {
        return causal(heads, 1 / Math.sqrt(heads.dim()));
    }

    /** A query sees all before it. */
    public static AttendSpec causal(HeadsSpec heads, double scale) {
        return new AttendSpec(heads, new Mask.Causal(), (float) scale, 0);
    }
}
