package io.millrace.prefetch;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** All blocks in host memory for the whole run: nothing moves, so a lease is only a view. */
public final class ResidentFeed implements BlockFeed {
    private final List<Resident> blocks = new ArrayList<>();

    /** Fills a block's memory once, at the start. */
    @FunctionalInterface
    public interface Loader {
        /**
         * Writes a block's bytes.
         *
         * @param block the block's index
         * @param destination as many bytes as its layout says
         * @return the last step whose update the bytes hold
         */
        long load(int block, MemorySegment destination);
    }

    /**
     * Allocates and loads every block.
     *
     * @param layouts the model's blocks in order of index
     * @param memory where they will lie; its budget bounds them
     * @param loader fills them
     */
    public ResidentFeed(List<BlockLayout> layouts, HostMemory memory, Loader loader) {
        try {
            for (BlockLayout layout : layouts) {
                String purpose = "block " + layout.index() + " of " + layouts.size();
                HostSlab slab = memory.allocate(purpose, layout.sizeBytes());
                Resident block = new Resident(slab);
                blocks.add(block);
                block.foldedThrough = loader.load(layout.index(), slab.segment());
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    @Override
    public void begin(VisitPlan plan, VisitPlan next) {
        // Every block is there whatever comes.
    }

    @Override
    public BlockLease acquire(int block) {
        return blocks.get(block);
    }

    @Override
    public void close() {
        blocks.forEach(block -> block.slab.close());
    }

    private static final class Resident implements BlockLease {
        private final HostSlab slab;
        private long foldedThrough;

        Resident(HostSlab slab) {
            this.slab = slab;
        }

        @Override
        public MemorySegment weights() {
            return slab.segment();
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
            // The block stays where it is; the feed owns the memory.
        }
    }
}
