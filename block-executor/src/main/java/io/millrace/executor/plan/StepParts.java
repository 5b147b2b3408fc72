package io.millrace.executor.plan;

import io.millrace.executor.step.BlockSet;
import io.millrace.optim.participation.Participation;
import io.millrace.optim.random.SplitMix64;
import java.util.ArrayList;
import java.util.List;

/**
 * Which blocks have a part in a step, and in which of the updates that are pending then.
 *
 * @param now of the step itself
 * @param pending of the steps since the last fold, at least one
 */
record StepParts(BlockSet now, List<BlockSet> pending) {
    /** Of a step in which every block has a part, as in all before it. */
    static final StepParts ALL = new StepParts(BlockSet.ALL, List.of(BlockSet.ALL));

    private static final int SAMPLES = 8;
    private static final long SEED = 0;

    /** Freezes the list. */
    StepParts {
        pending = List.copyOf(pending);
    }

    /**
     * What becomes of one block.
     *
     * @param active whether it has a part in the step
     * @param pending share of the pending updates that it has a part in
     */
    record Part(boolean active, double pending) {
        /** The same once the updates are folded. */
        Part folded() {
            return new Part(active, 0);
        }
    }

    /** One block's. */
    Part of(int block) {
        long taken = pending.stream().filter(parts -> parts.has(block)).count();
        return new Part(now.has(block), (double) taken / pending.size());
    }

    /** Steps whose mean stands for all of a run. */
    static List<StepParts> samples(
            Participation participation, List<List<Integer>> visits, int foldEvery) {
        if (participation.isWhole()) {
            return List.of(ALL);
        }
        List<StepParts> samples = new ArrayList<>(SAMPLES);
        long step = 1;
        for (int sample = 0; sample < SAMPLES; sample++) {
            List<BlockSet> before = new ArrayList<>(foldEvery);
            for (int back = 0; back < foldEvery; back++) {
                before.add(drawn(participation, step++, visits));
            }
            samples.add(new StepParts(drawn(participation, step++, visits), before));
        }
        return samples;
    }

    private static BlockSet drawn(
            Participation participation, long step, List<List<Integer>> visits) {
        return BlockSet.of(participation, step, SplitMix64.output(SEED, step), visits);
    }
}
