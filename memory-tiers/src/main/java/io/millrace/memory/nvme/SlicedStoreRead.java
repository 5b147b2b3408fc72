package io.millrace.memory.nvme;

import io.millrace.memory.nvme.io.Checksum;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;

/**
 * Reads blocks of a store slice by slice, with others. Beginnings of blocks, and what is wanted
 * while this worker takes no part, come by the store's own reader, as does a block that turns out
 * damaged. Owns its reader and its staging.
 */
final class SlicedStoreRead implements BlockRead {
    private static final System.Logger LOG = System.getLogger(SlicedStoreRead.class.getName());
    private static final int NONE = -1;

    private final SlicedStore source;
    private final BlockRead own;
    private final PieceStaging staging;
    private final Checksum checksum = new Checksum();
    private boolean sharing;
    private int slot = NONE;
    private int block;
    private long bytes;
    private PieceStaging.Pieces pieces;
    private MemorySegment target;
    private int expected;

    SlicedStoreRead(SlicedStore source, BlockRead own, PieceStaging staging) {
        this.source = source;
        this.own = own;
        this.staging = staging;
    }

    @Override
    public void onProgress(Runnable heard) {
        own.onProgress(heard);
        staging.onProgress(heard);
    }

    @Override
    public void start(int wanted, MemorySegment destination) {
        if (!source.shares()) {
            startAlone(wanted, destination, source.blockBytes(wanted));
            own.start(wanted, destination);
            return;
        }
        BlockStore store = source.store();
        block = wanted;
        bytes = store.blockBytes(wanted);
        target = destination.asSlice(0, bytes);
        synchronized (store) {
            slot = store.slots().pinNewest(wanted);
            if (slot == NONE) {
                throw new IllegalStateException("block " + wanted + " is not in the store");
            }
            pieces = source.pieces(wanted, store.slots().version(wanted), slot);
            expected = store.slots().checksum(wanted);
        }
        sharing = true;
        staging.begin(pieces);
    }

    @Override
    public void startHead(int wanted, MemorySegment destination) {
        startAlone(wanted, destination, source.store().headBytes(wanted));
        own.startHead(wanted, destination);
    }

    private void startAlone(int wanted, MemorySegment destination, long wantedBytes) {
        sharing = false;
        block = wanted;
        bytes = wantedBytes;
        target = destination;
    }

    @Override
    public long await() {
        if (!sharing) {
            return awaitOwn();
        }
        int actual;
        String brought = "";
        try {
            actual = takeAll();
            if (actual != expected) {
                brought = staging.disown();
            }
        } finally {
            release();
        }
        if (actual == expected) {
            return pieces.version();
        }
        LOG.log(
                Level.WARNING,
                String.format(
                        "%s: block %d of step %d came with checksum %08x, expected %08x%s; reading it"
                                + " again",
                        source.store().data().path(),
                        block,
                        pieces.version(),
                        actual,
                        expected,
                        brought));
        own.start(block, target);
        return awaitOwn();
    }

    private long awaitOwn() {
        long version = own.await();
        source.readAlone(bytes);
        return version;
    }

    /** Puts the block together; its checksum. */
    private int takeAll() {
        checksum.start(target);
        long at = 0;
        for (int piece = 0; at < bytes; piece++) {
            int length = pieces.chunks().get(piece).length();
            long part = Math.min(length, bytes - at);
            MemorySegment.copy(staging.await(piece), 0, target, at, part);
            at += part;
            checksum.advanceTo(at);
            staging.release(piece);
        }
        return checksum.value();
    }

    private void release() {
        staging.quiesce();
        int done = slot;
        slot = NONE;
        if (done != NONE) {
            source.store().releaseSlot(done);
        }
    }

    @Override
    public void close() {
        try (staging) {
            own.close();
        } finally {
            if (slot != NONE) {
                release();
            }
        }
    }
}
