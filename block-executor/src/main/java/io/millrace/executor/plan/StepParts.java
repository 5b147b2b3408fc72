package io.millrace.executor.plan;

import io.millrace.executor.step.BlockSet;
import io.millrace.optim.participation.Participation;
import io.millrace.optim.participation.Rhythm;
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

    private static final int DRAWS = 8;
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

    /**
     * Steps whose mean stands for all of a run: one of each turn of a round, or of some turns where
     * they are drawn. Each is the last of its turn, so that what is pending then is of the same
     * turn where a turn is longer than that.
     */
    static List<StepParts> samples(
            Participation participation, List<List<Integer>> visits, int foldEvery) {
        if (participation.isWhole()) {
            return List.of(ALL);
        }
        Rhythm rhythm = participation.rhythm(BlockSet.units(visits));
        long turn = rhythm.every();
        long apart = turn; // from a sample to the next
        long before = 0; // steps that leave room for what is pending in the first
        if (rhythm.round().isPresent()) {
            before = roundedUp(foldEvery, turn * rhythm.round().getAsInt());
        } else {
            apart = roundedUp(foldEvery + 1L, turn);
        }
        List<StepParts> samples = new ArrayList<>();
        for (int sample = 1; sample <= rhythm.round().orElse(DRAWS); sample++) {
            long step = before + sample * apart;
            List<BlockSet> pending = new ArrayList<>(foldEvery);
            for (long back = foldEvery; back >= 1; back--) {
                pending.add(drawn(participation, step - back, visits));
            }
            samples.add(new StepParts(drawn(participation, step, visits), pending));
        }
        return samples;
    }

    private static long roundedUp(long count, long unit) {
        return Math.ceilDiv(count, unit) * unit;
    }

    private static BlockSet drawn(
            Participation participation, long step, List<List<Integer>> visits) {
        return BlockSet.of(participation, step, SplitMix64.output(SEED, step), visits);
    }
}
