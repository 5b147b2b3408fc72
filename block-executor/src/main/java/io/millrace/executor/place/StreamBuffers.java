package io.millrace.executor.place;

import io.millrace.memory.nvme.SlicedOriginals;
import io.millrace.memory.nvme.SlicedStore;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.memory.slice.RingShape;

/**
 * What streaming takes of host memory on the way from a drive to the slots.
 *
 * @param direct whether blocks are read straight from the user's files, through staging
 * @param sharers how many workers of this host read slices for each other; 0 where each reads all
 */
public record StreamBuffers(boolean direct, int sharers) {
    /** Buffers of a worker that reads all that it needs. */
    public StreamBuffers(boolean direct) {
        this(direct, 0);
    }

    /** How slices lie in memory that so many workers share. */
    public static RingShape ring(int sharers, IoOptions options) {
        return RingShape.beside(sharers, options.pieceBytes(), options.depth());
    }

    /**
     * Bytes that a run's readers take.
     *
     * @param options how the drive is used
     * @param store whether blocks come from a store, too
     */
    long bytes(IoOptions options, boolean store) {
        if (sharers == 0) {
            return direct ? options.stagingBytes() : 0;
        }
        return (direct ? SlicedOriginals.bufferBytes(options) : 0)
                + (store ? SlicedStore.bufferBytes(options) : 0)
                + sharedBytes(options);
    }

    /** This worker's part of the memory that all share. */
    long sharedBytes(IoOptions options) {
        return sharers == 0 ? 0 : ring(sharers, options).bytesEach();
    }
}
