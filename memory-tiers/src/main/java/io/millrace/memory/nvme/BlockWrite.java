package io.millrace.memory.nvme;

import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.memory.nvme.io.IoRequest;
import io.millrace.memory.nvme.io.PagedTransfer;
import java.lang.foreign.MemorySegment;

/** Writes blocks of a store, one at a time; used from one thread. */
public final class BlockWrite implements AutoCloseable {
    private static final int NONE = -1;

    private final BlockStore store;
    private final PagedTransfer transfer;
    private int slot = NONE;
    private int block;
    private long version;

    BlockWrite(BlockStore store, IoOptions options, HostMemory memory) {
        this.store = store;
        this.transfer = new PagedTransfer(options, memory);
    }

    /**
     * Names who hears of every piece that the drive has taken; before the first write.
     *
     * @param heard quick, and safe for use from any thread
     */
    public void onProgress(Runnable heard) {
        transfer.onProgress(heard);
    }

    /**
     * Starts writing a block and returns; where no spare slot is left it syncs the store first.
     *
     * @param index the block
     * @param source begins on a page; holds the block, and keeps its bytes until {@link #await}
     *     returns
     * @param step the last step folded into it, which the journal holds durably
     */
    public void start(int index, MemorySegment source, long step) {
        if (slot != NONE) {
            throw new IllegalStateException("block " + block + " is still being written");
        }
        int taken = store.takeSlot(index, step);
        try {
            transfer.start(
                    store.data(),
                    IoRequest.Op.WRITE,
                    store.offset(taken),
                    source,
                    store.blockBytes(index));
            transfer.mark(store.headBytes(index));
        } catch (RuntimeException | Error e) {
            store.releaseSlot(taken);
            throw e;
        }
        slot = taken;
        block = index;
        version = step;
    }

    /**
     * Waits until the drive has taken the bytes; reads then give them. They survive a loss of power
     * after {@link BlockStore#sync}.
     *
     * @throws io.millrace.memory.OffloadException what the drive refused; the version before stays
     */
    public void await() {
        if (slot == NONE) {
            throw new IllegalStateException("no write was started");
        }
        int written = slot;
        slot = NONE;
        int checksum;
        try {
            checksum = transfer.await();
        } catch (RuntimeException | Error e) {
            store.releaseSlot(written);
            throw e;
        }
        store.publish(block, written, version, checksum, transfer.marked());
    }

    /** Waits for what is in flight, which then counts as never written; frees buffers. */
    @Override
    public void close() {
        transfer.close();
        if (slot != NONE) {
            store.releaseSlot(slot);
            slot = NONE;
        }
    }
}
