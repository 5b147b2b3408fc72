package io.millrace.prefetch;

import io.millrace.memory.device.DeviceStream;
import java.lang.foreign.MemorySegment;

/** The right to use one block's weights on the device until it is closed. */
public interface BlockLease extends AutoCloseable {
    /**
     * The block's bytes, laid out as its {@link io.millrace.memory.BlockLayout} says.
     *
     * @throws UnsupportedOperationException where the host cannot address the device's memory
     */
    MemorySegment weights();

    /** Where the bytes begin on the device. */
    default long address() {
        return weights().address();
    }

    /**
     * Says that what a stream was handed so far uses the bytes: after {@link #close}, they are
     * neither moved nor overwritten before the stream has passed this place. Nobody waits here, and
     * not for what the stream is handed later. Called last before {@code close}, at most once.
     */
    default void releaseAfter(DeviceStream stream) {
        // Where nothing moves, there is nothing to wait for.
    }

    /** The last step whose update these bytes hold; 0 for the base weights. */
    long foldedThrough();

    /**
     * Says that the bytes now hold every update through a step.
     *
     * @param throughStep no earlier than {@link #foldedThrough}
     * @param changed whether a byte became another, so that the block must be written back; where
     *     none did, nothing moves, and what lies elsewhere keeps its older version: whoever reads
     *     it finds the same updates to change nothing again
     */
    void markFolded(long throughStep, boolean changed);

    /** Gives the block back; a second call does nothing. */
    @Override
    void close();
}
