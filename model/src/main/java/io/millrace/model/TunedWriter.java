package io.millrace.model;

import java.lang.foreign.MemorySegment;

/** Writes the folder of what a run tuned, block by block in any order; for use by one thread. */
public interface TunedWriter extends AutoCloseable {
    /**
     * Writes all tensors of a block, and its states where the folder has them.
     *
     * @param block the block's index
     * @param bytes the block as the layout lays it out
     */
    void writeBlock(int block, MemorySegment bytes);

    /**
     * Sees everything onto the disk, and gives every file its final name.
     *
     * @throws IllegalStateException when a tensor was not written whole
     */
    void commit();

    /** Removes what was not committed; a second call does nothing. */
    @Override
    void close();
}
