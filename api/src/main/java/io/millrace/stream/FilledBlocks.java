package io.millrace.stream;

import io.millrace.memory.nvme.BlockRead;
import io.millrace.memory.nvme.BlockSource;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Blocks that a function fills. */
final class FilledBlocks extends Blocks implements BlockSource {
    private final String name;
    private final Filler filler;

    FilledBlocks(String name, List<Long> sizes, Filler filler) {
        super(sizes);
        this.name = name;
        this.filler = filler;
    }

    @Override
    String identity() {
        return "filled " + name;
    }

    @Override
    public long version(int block) {
        return 0;
    }

    @Override
    public long blockBytes(int block) {
        return sizes().get(block);
    }

    @Override
    public BlockRead newRead() {
        return new BlockRead() {
            private int block;
            private MemorySegment target;

            @Override
            public void start(int wanted, MemorySegment destination) {
                block = wanted;
                target = destination.asSlice(0, blockBytes(wanted));
            }

            @Override
            public long await() {
                try {
                    filler.fill(block, target);
                } catch (RuntimeException e) {
                    throw e;
                } catch (Exception e) {
                    throw new IllegalStateException("block " + block + " was not filled", e);
                }
                return 0;
            }

            @Override
            public void close() {
                // Nothing is kept between blocks.
            }
        };
    }
}
