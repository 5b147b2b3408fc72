package io.millrace.optim.random;

/**
 * Philox4x32-10 (Random123): a counter of four words and a key of two give four random words. It is
 * the only source of randomness, so that any place and any time can draw the same values again.
 */
public final class Philox4x32 {
    static final int ROUNDS = 10;
    static final long MULTIPLIER_0 = 0xD2511F53L;
    static final long MULTIPLIER_1 = 0xCD9E8D57L;
    static final int WEYL_0 = 0x9E3779B9;
    static final int WEYL_1 = 0xBB67AE85;

    private static final long LOW = 0xFFFFFFFFL;

    private Philox4x32() {}

    /**
     * A block of a stream: key = the seed's low and high word, counter = (low and high word of
     * {@code index}, {@code id}, {@code stream}).
     *
     * @param seed the key
     * @param index which block of the stream
     * @param id third counter word, such as a tensor id
     * @param stream last counter word, one of {@link StreamIds}
     * @param out receives the four words
     */
    public static void block(long seed, long index, int id, int stream, int[] out) {
        long front = pair(seed, index, id, stream, 0);
        long back = pair(seed, index, id, stream, 1);
        out[0] = (int) front;
        out[1] = (int) (front >>> 32);
        out[2] = (int) back;
        out[3] = (int) (back >>> 32);
    }

    /**
     * Half a block, in one value so that nothing need be allocated.
     *
     * @param half 0 for words 0 and 1, 1 for words 2 and 3; the earlier word is the low one
     */
    public static long pair(long seed, long index, int id, int stream, int half) {
        int x0 = (int) index;
        int x1 = (int) (index >>> 32);
        int x2 = id;
        int x3 = stream;
        int key0 = (int) seed;
        int key1 = (int) (seed >>> 32);
        for (int round = 0; round < ROUNDS; round++) {
            long p = (x0 & LOW) * MULTIPLIER_0;
            long q = (x2 & LOW) * MULTIPLIER_1;
            x0 = (int) (q >>> 32) ^ x1 ^ key0;
            x1 = (int) q;
            x2 = (int) (p >>> 32) ^ x3 ^ key1;
            x3 = (int) p;
            key0 += WEYL_0;
            key1 += WEYL_1;
        }
        return half == 0 ? (x0 & LOW) | ((long) x1 << 32) : (x2 & LOW) | ((long) x3 << 32);
    }
}
