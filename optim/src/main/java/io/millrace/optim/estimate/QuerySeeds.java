package io.millrace.optim.estimate;

import io.millrace.optim.random.SplitMix64;
import java.util.stream.LongStream;

/** The seeds of a step's directions. */
public final class QuerySeeds {
    private QuerySeeds() {}

    /**
     * One is the step's seed itself; several are outputs 1, 2, … of it.
     *
     * @param stepSeed the step's seed
     * @param queries how many
     */
    public static long[] of(long stepSeed, int queries) {
        return queries == 1
                ? new long[] {stepSeed}
                : LongStream.rangeClosed(1, queries)
                        .map(query -> SplitMix64.output(stepSeed, query))
                        .toArray();
    }
}
