package io.millrace.executor.search;

import io.millrace.optim.estimate.Query;
import io.millrace.optim.estimate.QuerySeeds;
import io.millrace.optim.random.SplitMix64;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The directions that a search tries: those of the first step of a run with as many queries.
 *
 * @param runSeed the search's seed
 * @param choice how many
 */
record SearchedSeeds(long runSeed, SearchConfig.Choice choice) {
    /** The step's seed. */
    long step() {
        return SplitMix64.output(runSeed, 1);
    }

    /**
     * Queries that pass together; θ itself is with the first.
     *
     * @param from how many have passed before
     * @param eps scale of a direction
     */
    List<Query> pass(int from, float eps) {
        long[] seeds = QuerySeeds.of(step(), choice.directions());
        List<Query> pass = new ArrayList<>();
        if (from == 0) {
            pass.add(Query.AT_THETA);
        }
        int to = Math.min(seeds.length, from + choice.together());
        Arrays.stream(seeds, from, to).forEach(seed -> pass.add(new Query(seed, List.of(eps))));
        return pass;
    }
}
