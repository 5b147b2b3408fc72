package io.millrace.model.text.task;

/**
 * The numbers that NumPy's {@code RandomState} draws, by which published runs sample their rows:
 * MT19937 (Matsumoto and Nishimura, 1998), seeded by its own recurrence, whole numbers by masking
 * and rejection, permutations from the end to the front.
 */
public final class LegacyRandom {
    private static final int WORDS = 624;
    private static final int MIDDLE = 397;
    private static final int MATRIX = 0x9908b0df;

    private final int[] state = new int[WORDS];
    private int next = WORDS;

    /** A generator of a seed from 0 to 2^32 - 1. */
    public LegacyRandom(long seed) {
        if (seed < 0 || seed >>> Integer.SIZE != 0) {
            throw new IllegalArgumentException(seed + " is no seed of 32 bits");
        }
        int word = (int) seed;
        for (int i = 0; i < WORDS; i++) {
            state[i] = word;
            word = 1812433253 * (word ^ word >>> 30) + i + 1;
        }
    }

    /** A word of 32 bits. */
    int nextWord() {
        if (next == WORDS) {
            turn();
        }
        int y = state[next++];
        y ^= y >>> 11;
        y ^= y << 7 & 0x9d2c5680;
        y ^= y << 15 & 0xefc60000;
        return y ^ y >>> 18;
    }

    private void turn() {
        for (int i = 0; i < WORDS; i++) {
            int y = state[i] & 0x80000000 | state[(i + 1) % WORDS] & 0x7fffffff;
            state[i] = state[(i + MIDDLE) % WORDS] ^ y >>> 1 ^ ((y & 1) == 0 ? 0 : MATRIX);
        }
        next = 0;
    }

    /** A whole number from 0 to {@code most}, both included. */
    int upTo(int most) {
        if (most == 0) {
            return 0;
        }
        int mask = -1 >>> Integer.numberOfLeadingZeros(most);
        int value = nextWord() & mask;
        while (value > most) {
            value = nextWord() & mask;
        }
        return value;
    }

    /** Whole numbers from 0 to below {@code bound}. */
    public int[] integers(int count, int bound) {
        int[] values = new int[count];
        for (int i = 0; i < count; i++) {
            values[i] = upTo(bound - 1);
        }
        return values;
    }

    /** The numbers from 0 to below {@code n} in a random order. */
    public int[] permutation(int n) {
        int[] order = new int[n];
        for (int i = 0; i < n; i++) {
            order[i] = i;
        }
        for (int i = n - 1; i > 0; i--) {
            int j = upTo(i);
            int kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
        return order;
    }
}
