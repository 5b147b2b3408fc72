package io.millrace.memory.nvme;

import java.lang.foreign.MemorySegment;

/** Where blocks are read from: the block store, the user's own files, or both. */
public interface BlockSource {
    /** The last step whose updates the block's bytes hold; 0 for the base weights. */
    long version(int block);

    /** Whether there are bytes of a block here at all. */
    default boolean has(int block) {
        return true;
    }

    /** Says that a block's newest bytes here are damaged: the source never gives them again. */
    default void lose(int block) {
        throw new IllegalStateException("block " + block + " has no other version here");
    }

    /** Bytes of a block. */
    long blockBytes(int block);

    /** A reader of one block at a time; whoever asks owns it, and uses it from one thread. */
    BlockRead newRead();

    /** Reads one block and waits for it; the version read. */
    default long read(int block, MemorySegment target) {
        try (BlockRead read = newRead()) {
            read.start(block, target);
            return read.await();
        }
    }
}
