package io.millrace.executor.companion;

import io.millrace.memory.BlockLayout;
import io.millrace.prefetch.BlockLease;
import java.lang.foreign.MemorySegment;

/**
 * The trained tensors beside one block, and what an update rule keeps for them. It is lent like a
 * block, and never moves.
 */
public final class Companion implements BlockLease {
    private final BlockLayout layout;
    private final MemorySegment bytes;
    private long foldedThrough;

    /**
     * One in memory that somebody else owns.
     *
     * @param layout where its tensors lie; its index is that of the block
     * @param bytes as the layout says
     * @param foldedThrough the last step that they hold
     */
    public Companion(BlockLayout layout, MemorySegment bytes, long foldedThrough) {
        this.layout = layout;
        this.bytes = bytes;
        this.foldedThrough = foldedThrough;
    }

    /** Where its tensors lie; its index is that of the block. */
    public BlockLayout layout() {
        return layout;
    }

    @Override
    public MemorySegment weights() {
        return bytes;
    }

    @Override
    public long foldedThrough() {
        return foldedThrough;
    }

    @Override
    public void markFolded(long throughStep, boolean changed) {
        foldedThrough = throughStep;
    }

    @Override
    public void close() {
        // It stays.
    }
}
