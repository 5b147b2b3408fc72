package io.millrace.memory.nvme;

import io.millrace.memory.CorruptDataException;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.memory.nvme.io.IoRequest;
import io.millrace.memory.nvme.io.PagedTransfer;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;

/** Reads blocks of a store and verifies them. */
final class StoreRead implements BlockRead {
    private static final System.Logger LOG = System.getLogger(StoreRead.class.getName());
    private static final int NONE = -1;

    private final BlockStore store;
    private final PagedTransfer transfer;
    private int slot = NONE;
    private int block;
    private long bytes;
    private long version;
    private int expected;
    private MemorySegment target;

    StoreRead(BlockStore store, IoOptions options, HostMemory memory) {
        this.store = store;
        this.transfer = new PagedTransfer(options, memory);
    }

    @Override
    public void onProgress(Runnable heard) {
        transfer.onProgress(heard);
    }

    @Override
    public void start(int index, MemorySegment destination) {
        start(index, destination, store.blockBytes(index));
    }

    @Override
    public void startHead(int index, MemorySegment destination) {
        start(index, destination, store.headBytes(index));
    }

    private void start(int index, MemorySegment destination, long wanted) {
        if (slot != NONE) {
            throw new IllegalStateException("block " + block + " is still being read");
        }
        synchronized (store) {
            slot = store.slots().pinNewest(index);
            if (slot == NONE) {
                throw new IllegalStateException("block " + index + " is not in the store");
            }
            version = store.slots().version(index);
            expected =
                    wanted == store.blockBytes(index)
                            ? store.slots().checksum(index)
                            : store.slots().headChecksum(index);
        }
        block = index;
        bytes = wanted;
        target = destination;
        try {
            begin();
        } catch (RuntimeException | Error e) {
            release();
            throw e;
        }
    }

    @Override
    public long await() {
        if (slot == NONE) {
            throw new IllegalStateException("no read was started");
        }
        try {
            int actual = transfer.await();
            if (actual != expected) {
                // A bit may flip on the way as well as on the drive: the second read tells.
                store.countReread();
                LOG.log(Level.WARNING, mismatch(actual) + "; reading it again");
                begin();
                actual = transfer.await();
            }
            if (actual != expected) {
                throw new CorruptDataException(
                        mismatch(actual) + " in two reads; the drive has lost these bytes");
            }
            return version;
        } finally {
            release();
        }
    }

    private void begin() {
        transfer.start(store.data(), IoRequest.Op.READ, store.offset(slot), target, bytes);
    }

    private void release() {
        int done = slot;
        slot = NONE;
        store.releaseSlot(done);
    }

    private String mismatch(int actual) {
        return String.format(
                "%s: block %d at %d (step %d, %d bytes) has checksum %08x, expected %08x",
                store.data().path(), block, store.offset(slot), version, bytes, actual, expected);
    }

    @Override
    public void close() {
        transfer.close();
        if (slot != NONE) {
            release();
        }
    }
}
