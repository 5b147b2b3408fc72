package io.millrace.executor.step;

import io.millrace.optim.participation.Participation;
import java.util.BitSet;
import java.util.List;

/** Blocks that have a part in a step. Immutable. */
public final class BlockSet {
    /** Every block of any model. */
    public static final BlockSet ALL = new BlockSet(null);

    private final BitSet blocks; // null for all

    private BlockSet(BitSet blocks) {
        this.blocks = blocks;
    }

    /**
     * The blocks of a step.
     *
     * @param participation says which layers
     * @param stepSeed the step's seed
     * @param visits blocks in the order in which they pass: embedding, layers with their experts,
     *     head
     */
    public static BlockSet of(
            Participation participation, long stepSeed, List<List<Integer>> visits) {
        if (participation.isWhole()) {
            return ALL;
        }
        BitSet layers = participation.layers(stepSeed, visits.size() - 2);
        BitSet blocks = new BitSet();
        if (participation.hasEnds()) {
            visits.getFirst().forEach(blocks::set);
            visits.getLast().forEach(blocks::set);
        }
        layers.stream().forEach(layer -> visits.get(layer + 1).forEach(blocks::set));
        return new BlockSet(blocks);
    }

    /** Whether a block is in it. */
    public boolean has(int block) {
        return blocks == null || blocks.get(block);
    }
}
