package io.millrace.memory.nvme;

import java.lang.foreign.MemorySegment;

/** The block store where it has a block, the user's own files where it was never written. */
public final class LayeredSource implements BlockSource {
    private final BlockStore store;
    private final BlockSource original;

    /** Both hold the same blocks; this owns neither. */
    public LayeredSource(BlockStore store, BlockSource original) {
        this.store = store;
        this.original = original;
    }

    @Override
    public long version(int block) {
        return store.version(block);
    }

    @Override
    public long blockBytes(int block) {
        return original.blockBytes(block);
    }

    @Override
    public BlockRead newRead() {
        BlockRead stored = store.newRead();
        try {
            return new LayeredRead(stored, original.newRead());
        } catch (RuntimeException | Error e) {
            stored.close();
            throw e;
        }
    }

    private final class LayeredRead implements BlockRead {
        private final BlockRead stored;
        private final BlockRead base;
        private BlockRead current;

        LayeredRead(BlockRead stored, BlockRead base) {
            this.stored = stored;
            this.base = base;
        }

        @Override
        public void onProgress(Runnable heard) {
            stored.onProgress(heard);
            base.onProgress(heard);
        }

        @Override
        public void start(int block, MemorySegment target) {
            current = store.version(block) > 0 ? stored : base;
            current.start(block, target);
        }

        @Override
        public long await() {
            if (current == null) {
                throw new IllegalStateException("no read was started");
            }
            return current.await();
        }

        @Override
        public void close() {
            stored.close();
            base.close();
        }
    }
}
