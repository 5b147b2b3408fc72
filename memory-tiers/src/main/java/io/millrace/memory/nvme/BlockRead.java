package io.millrace.memory.nvme;

import java.lang.foreign.MemorySegment;

/** Reads one block after another into memory that stays open until {@link #await} returns. */
public interface BlockRead extends AutoCloseable {
    /**
     * Starts reading a block and returns; several of these may be under way on one source. Part of
     * the work, checksums and copies, is done in {@link #await}, so await soon.
     *
     * @param block its index
     * @param target begins on a page; holds the block
     */
    void start(int block, MemorySegment target);

    /**
     * The same where the beginning of the block is enough: at least its weights come, and what is
     * behind them in the memory is anything.
     */
    default void startHead(int block, MemorySegment target) {
        start(block, target);
    }

    /**
     * Waits until the block is whole and verified.
     *
     * @return its version
     * @throws io.millrace.memory.OffloadException what the drive or the checksum refused
     */
    long await();

    /**
     * Names who hears of every piece that has come, on whatever thread brought it; before the first
     * read. Who reads a block in one piece has nothing to tell.
     *
     * @param heard quick, and safe for use from any thread
     */
    default void onProgress(Runnable heard) {
        // One piece: its end is told by await.
    }

    /** Waits for what is in flight, then frees buffers; a second call does nothing. */
    @Override
    void close();
}
