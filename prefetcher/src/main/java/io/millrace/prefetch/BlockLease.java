package io.millrace.prefetch;

import java.lang.foreign.MemorySegment;

/** The right to use one block's weights on the device until it is closed. */
public interface BlockLease extends AutoCloseable {
    /** The block's bytes, laid out as its {@link io.millrace.memory.BlockLayout} says. */
    MemorySegment weights();

    /** The last step whose update these bytes hold; 0 for the base weights. */
    long foldedThrough();

    /**
     * Says that the bytes were changed and now hold every update through a step, so that they must
     * be written back.
     */
    void markFolded(long throughStep);

    /** Gives the block back; a second call does nothing. */
    @Override
    void close();
}
