package io.millrace.prefetch;

import java.time.Duration;

/**
 * How a pipeline runs.
 *
 * @param overlap whether blocks move while others are computed; without, each visit's transfers and
 *     computation come one after another
 * @param stallLimit how long no piece of a block may move while the computation waits
 * @param firstStep the number that spans carry in the first pass over the visits
 */
public record FeedOptions(boolean overlap, Duration stallLimit, long firstStep) {
    /** Far beyond what one piece of a block takes on a slow disk. */
    public static final Duration DEFAULT_STALL_LIMIT = Duration.ofMinutes(2);

    /** Checks the limit. */
    public FeedOptions {
        if (stallLimit.isNegative() || stallLimit.isZero()) {
            throw new IllegalArgumentException("a stall limit of " + stallLimit);
        }
    }

    /** With overlap, from step 1. */
    public static FeedOptions defaults() {
        return new FeedOptions(true, DEFAULT_STALL_LIMIT, 1);
    }

    /** The same with or without overlap. */
    public FeedOptions withOverlap(boolean wanted) {
        return new FeedOptions(wanted, stallLimit, firstStep);
    }

    /** The same with another limit. */
    public FeedOptions withStallLimit(Duration limit) {
        return new FeedOptions(overlap, limit, firstStep);
    }
}
