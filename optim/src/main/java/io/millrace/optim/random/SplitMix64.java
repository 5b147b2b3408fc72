package io.millrace.optim.random;

/** The splitmix64 generator, read at any place of its sequence: it makes seeds out of seeds. */
public final class SplitMix64 {
    private static final long GAMMA = 0x9E3779B97F4A7C15L;

    private SplitMix64() {}

    /**
     * One output of the generator.
     *
     * @param state the initial state
     * @param n which output, from 1
     */
    public static long output(long state, long n) {
        if (n < 1) {
            throw new IllegalArgumentException("outputs are counted from 1, asked for " + n);
        }
        long x = state + n * GAMMA;
        x = (x ^ (x >>> 30)) * 0xBF58476D1CE4E5B9L;
        x = (x ^ (x >>> 27)) * 0x94D049BB133111EBL;
        return x ^ (x >>> 31);
    }
}
