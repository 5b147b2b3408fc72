package io.millrace.memory.nvme;

import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.memory.slice.SliceExchange;
import java.util.ArrayList;
import java.util.List;

/**
 * A store of changed blocks, each worker's own, of which workers of one host read slices for each
 * other: blocks of one version are the same in all of them, and what was put together is held to
 * the checksum of this worker's own record.
 */
public final class SlicedStore implements BlockSource {
    private final BlockStore store;
    private final SliceExchange slices;
    private final IoOptions options;
    private final HostMemory memory;
    private final long[] first; // of all pieces of the model, a block's first
    private final List<List<PieceStaging.Chunk>> chunks = new ArrayList<>(); // of each slot

    /**
     * Wraps a store.
     *
     * @param store what is read; its owner closes it
     * @param slices the way to the others; outlives readers
     * @param options how the store's files are driven
     * @param memory where staging comes from
     */
    public SlicedStore(
            BlockStore store, SliceExchange slices, IoOptions options, HostMemory memory) {
        this.store = store;
        this.slices = slices;
        this.options = options;
        this.memory = memory;
        first = new long[store.blockCount()];
        long pieces = 0;
        for (int block = 0; block < first.length; block++) {
            first[block] = pieces;
            pieces += Math.ceilDiv(store.blockBytes(block), options.pieceBytes());
        }
        for (int slot = 0; slot < store.slotCount(); slot++) {
            chunks.add(cut(slot));
        }
    }

    private List<PieceStaging.Chunk> cut(int slot) {
        List<PieceStaging.Chunk> cut = new ArrayList<>();
        long bytes = store.slotBytes(slot);
        for (long at = 0; at < bytes; at += options.pieceBytes()) {
            int length = (int) Math.min(options.pieceBytes(), bytes - at);
            cut.add(new PieceStaging.Chunk(store.data(), store.offset(slot) + at, length, length));
        }
        return List.copyOf(cut);
    }

    /** Host memory that its reader takes beside the slices and what a store's reader takes. */
    public static long bufferBytes(IoOptions options) {
        return SharedPieces.bufferBytes(options);
    }

    @Override
    public long version(int block) {
        return store.version(block);
    }

    @Override
    public boolean has(int block) {
        return store.has(block);
    }

    @Override
    public void lose(int block) {
        store.lose(block);
    }

    @Override
    public long blockBytes(int block) {
        return store.blockBytes(block);
    }

    @Override
    public BlockRead newRead() {
        return new SlicedStoreRead(
                this, store.newRead(), new SharedPieces(slices, options, memory));
    }

    BlockStore store() {
        return store;
    }

    boolean shares() {
        return slices.attends();
    }

    /** Counts a block that this worker has read alone. */
    void readAlone(long bytes) {
        slices.came(bytes, true);
    }

    /** A block as it lies in a slot. */
    PieceStaging.Pieces pieces(int block, long version, int slot) {
        long shape = store.blockBytes(block) << 1 | 1; // odd, and those of files are even
        return new PieceStaging.Pieces(first[block], block, version, shape, chunks.get(slot));
    }
}
