package io.millrace.memory.nvme;

import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.memory.slice.SliceExchange;

/**
 * The user's own files, which workers of one host read slice by slice for each other. Checksums are
 * those of the files; a block that does not have them is read anew, by this worker alone.
 *
 * @param files what is read; its owner closes it
 * @param slices the way to the others; outlives readers
 */
public record SlicedOriginals(OriginalReader files, SliceExchange slices) implements BlockSource {
    /** Host memory that its reader takes beside the slices. */
    public static long bufferBytes(IoOptions options) {
        return SharedPieces.bufferBytes(options);
    }

    @Override
    public long version(int block) {
        return files.version(block);
    }

    @Override
    public long blockBytes(int block) {
        return files.blockBytes(block);
    }

    @Override
    public BlockRead newRead() {
        return files.newRead(slices);
    }
}
