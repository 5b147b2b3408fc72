package io.millrace.executor.step;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import java.util.BitSet;

/**
 * How often each block has had a part in the steps of a run since what a rule keeps of it began,
 * and when it had the last: a function of the steps so far, whoever counts them.
 */
public final class TurnCounts implements GradientSteps.Turns {
    private final boolean keepsStates;
    private final BitSet trained = new BitSet();
    private final long[] counts;
    private final long[] newest;
    private final long[] before;
    private long step;

    /**
     * Counts before the first step.
     *
     * @param layout of the run's blocks: those that have nothing to train never change
     * @param keepsStates whether what is kept of a block outlives steps that leave it out
     */
    public TurnCounts(ModelLayout layout, boolean keepsStates) {
        this.keepsStates = keepsStates;
        int blocks = layout.blocks().size();
        for (BlockLayout block : layout.tuned().blocks()) {
            if (block.tensors().stream().anyMatch(TensorSlot::isTrained)) {
                trained.set(block.index());
            }
        }
        counts = new long[blocks];
        newest = new long[blocks];
        before = new long[blocks];
    }

    /** Counts a step; the one after the last. */
    public void advance(long next, BlockSet parts) {
        if (next != step + 1) {
            throw new IllegalArgumentException("step " + next + " after step " + step);
        }
        step = next;
        for (int block = 0; block < counts.length; block++) {
            before[block] = newest[block];
            if (parts.has(block) && trained.get(block)) {
                boolean goesOn = keepsStates || newest[block] == next - 1;
                counts[block] = goesOn ? counts[block] + 1 : 1;
                newest[block] = next;
            }
        }
    }

    @Override
    public long of(int block) {
        return counts[block];
    }

    @Override
    public long lastBefore(int block) {
        return before[block];
    }
}
