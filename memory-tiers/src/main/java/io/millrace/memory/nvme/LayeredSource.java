package io.millrace.memory.nvme;

import io.millrace.memory.CorruptDataException;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The newest whole bytes of each block out of several places: the block store, a checkpoint, the
 * user's own files. A block that turns out to be damaged in one place is taken from the next, in an
 * older version, which the run's journal carries forward; only a block that is damaged everywhere
 * fails.
 */
public final class LayeredSource implements BlockSource {
    private static final System.Logger LOG = System.getLogger(LayeredSource.class.getName());

    private final List<BlockSource> layers;

    /**
     * Lays sources over each other; this owns none of them.
     *
     * @param layers sources of the same blocks; of equal versions the earlier's is read
     */
    public LayeredSource(List<BlockSource> layers) {
        if (layers.isEmpty()) {
            throw new IllegalArgumentException("no layers");
        }
        this.layers = List.copyOf(layers);
    }

    @Override
    public long version(int block) {
        return layers.get(newest(block)).version(block);
    }

    @Override
    public long blockBytes(int block) {
        return layers.getLast().blockBytes(block);
    }

    /** The layer with the newest bytes of a block. */
    private int newest(int block) {
        int best = -1;
        for (int layer = 0; layer < layers.size(); layer++) {
            BlockSource source = layers.get(layer);
            if (source.has(block)
                    && (best < 0 || source.version(block) > layers.get(best).version(block))) {
                best = layer;
            }
        }
        if (best < 0) {
            throw new CorruptDataException("block " + block + " is damaged wherever it is kept");
        }
        return best;
    }

    /** A reader whose blocks may come in an older version than {@link #version} said before. */
    @Override
    public BlockRead newRead() {
        List<BlockRead> reads = new ArrayList<>();
        try {
            for (BlockSource layer : layers) {
                reads.add(layer.newRead());
            }
        } catch (RuntimeException | Error e) {
            reads.forEach(BlockRead::close);
            throw e;
        }
        return new LayeredRead(reads);
    }

    private final class LayeredRead implements BlockRead {
        private final List<BlockRead> reads;
        private int current = -1;
        private int block;
        private MemorySegment target;
        private boolean isHead;

        LayeredRead(List<BlockRead> reads) {
            this.reads = reads;
        }

        @Override
        public void onProgress(Runnable heard) {
            reads.forEach(read -> read.onProgress(heard));
        }

        @Override
        public void start(int wanted, MemorySegment destination) {
            start(wanted, destination, false);
        }

        @Override
        public void startHead(int wanted, MemorySegment destination) {
            start(wanted, destination, true);
        }

        private void start(int wanted, MemorySegment destination, boolean head) {
            block = wanted;
            target = destination;
            isHead = head;
            current = newest(wanted);
            begin();
        }

        private void begin() {
            if (isHead) {
                reads.get(current).startHead(block, target);
            } else {
                reads.get(current).start(block, target);
            }
        }

        @Override
        public long await() {
            if (current < 0) {
                throw new IllegalStateException("no read was started");
            }
            while (true) {
                try {
                    return reads.get(current).await();
                } catch (CorruptDataException damage) {
                    if (current == layers.size() - 1) {
                        // Beneath the files that the run began from there is nothing.
                        throw damage;
                    }
                    layers.get(current).lose(block);
                    startNext(damage);
                }
            }
        }

        private void startNext(CorruptDataException damage) {
            int next;
            try {
                next = newest(block);
            } catch (CorruptDataException nowhere) {
                nowhere.addSuppressed(damage);
                throw nowhere;
            }
            LOG.log(
                    Level.WARNING,
                    damage.getMessage()
                            + "; rebuilding block "
                            + block
                            + " from step "
                            + layers.get(next).version(block)
                            + " and the journal");
            current = next;
            begin();
        }

        @Override
        public void close() {
            reads.forEach(BlockRead::close);
        }
    }
}
