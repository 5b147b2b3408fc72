package io.millrace.executor.step;

import io.millrace.optim.participation.ActiveParts;
import io.millrace.optim.participation.ModelUnits;
import io.millrace.optim.participation.Participation;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;

/** Blocks that have a part in a step. Immutable. */
public final class BlockSet {
    /** Every block of any model. */
    public static final BlockSet ALL = new BlockSet(null);

    /** No block of any model. */
    public static final BlockSet NONE = new BlockSet(new BitSet());

    private final BitSet blocks; // null for all

    private BlockSet(BitSet blocks) {
        this.blocks = blocks;
    }

    /**
     * The blocks of a step.
     *
     * @param participation says which parts of the model
     * @param step from 1
     * @param stepSeed the step's seed
     * @param visits blocks in the order in which they pass: embedding, layers with their experts,
     *     head
     */
    public static BlockSet of(
            Participation participation, long step, long stepSeed, List<List<Integer>> visits) {
        if (participation.isWhole()) {
            return ALL;
        }
        ActiveParts parts = participation.parts(step, stepSeed, units(visits));
        BitSet blocks = new BitSet();
        if (parts.embedding()) {
            visits.getFirst().forEach(blocks::set);
        }
        if (parts.head()) {
            visits.getLast().forEach(blocks::set);
        }
        parts.layers().stream().forEach(layer -> visits.get(layer + 1).forEach(blocks::set));
        return new BlockSet(blocks);
    }

    /**
     * What a model is made of.
     *
     * @param visits blocks in the order in which they pass: embedding, layers with their experts,
     *     head
     */
    public static ModelUnits units(List<List<Integer>> visits) {
        boolean tied = !Collections.disjoint(visits.getFirst(), visits.getLast());
        return new ModelUnits(visits.size() - 2, tied);
    }

    /** Whether a block is in it. */
    public boolean has(int block) {
        return blocks == null || blocks.get(block);
    }
}
