package io.millrace.model.quantize;

/** Numbers that pass for random, as functions of others. */
public final class Hash64 {
    private Hash64() {}

    /** A bijection of 64 bits whose outputs pass for random (Stafford's variant 13). */
    public static long mix(long z) {
        long one = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        long two = (one ^ (one >>> 27)) * 0x94D049BB133111EBL;
        return two ^ (two >>> 31);
    }
}
