package io.millrace.optim.direction;

/**
 * What a run says about its direction beside the name; a direction takes what it has a use for.
 *
 * @param runSeed the seed that makes the steps' seeds
 * @param rank rank of a low-rank direction, 1 or more
 * @param window steps for which a low-rank direction keeps its right factor, 1 or more
 */
public record DirectionOptions(long runSeed, int rank, int window) {
    /** Rank of a low-rank direction unless a run says otherwise. */
    public static final int DEFAULT_RANK = 2;

    /** Window of a low-rank direction unless a run says otherwise. */
    public static final int DEFAULT_WINDOW = 50;

    /** Checks the ranges. */
    public DirectionOptions {
        if (rank < 1 || window < 1) {
            throw new IllegalArgumentException("rank " + rank + ", window " + window);
        }
    }

    /** The defaults of a run with a seed. */
    public static DirectionOptions defaults(long runSeed) {
        return new DirectionOptions(runSeed, DEFAULT_RANK, DEFAULT_WINDOW);
    }
}
