package io.millrace.optim.random;

/** The order of a data set in one epoch: a permutation that (seed, epoch) alone decides. */
public final class SeededShuffle {
    private SeededShuffle() {}

    /**
     * A permutation of 0 … n − 1, by Fisher and Yates from the last place down. Place i is swapped
     * with {@code floor(w · (i + 1) / 2⁶⁴)}, w the first two words of Philox block i.
     *
     * @param n how many
     * @param seed the run's seed
     * @param epoch from 0; the low 32 bits count
     */
    public static int[] permutation(int n, long seed, long epoch) {
        return permutation(n, seed, epoch, StreamIds.SHUFFLE);
    }

    /** The same from another of the {@link StreamIds}. */
    public static int[] permutation(int n, long seed, long epoch, int stream) {
        int[] order = new int[n];
        for (int i = 0; i < n; i++) {
            order[i] = i;
        }
        for (int i = n - 1; i > 0; i--) {
            long word = Philox4x32.pair(seed, i, (int) epoch, stream, 0);
            int other = (int) Math.unsignedMultiplyHigh(word, i + 1L);
            int swapped = order[i];
            order[i] = order[other];
            order[other] = swapped;
        }
        return order;
    }
}
