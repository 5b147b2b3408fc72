package io.millrace.executor;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.BlockRead;
import io.millrace.memory.nvme.BlockSource;
import io.millrace.memory.nvme.FileExtent;
import io.millrace.memory.nvme.FileIo;
import io.millrace.memory.nvme.OriginalReader;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Where blocks come from before a run has written any: the base checkpoint, or one that the run
 * saved under way.
 *
 * @param checkpoint the files; stays open while blocks are read
 * @param layout how blocks are laid out, and in which dtypes
 * @param foldedThrough the last step that the weights hold, 0 for the base
 */
record BlockOrigin(Checkpoint checkpoint, ModelLayout layout, long foldedThrough) {

    List<Long> blockBytes() {
        return layout.blocks().stream().map(BlockLayout::sizeBytes).toList();
    }

    /** Fills a block's memory at once, on the calling thread. */
    void load(int block, MemorySegment destination) {
        checkpoint.readBlock(layout.block(block), destination);
    }

    /** Whether the files hold the very bytes that blocks have. */
    boolean isStoredAsNeeded() {
        return foldedThrough == 0
                && layout.blocks().stream()
                        .flatMap(block -> block.tensors().stream())
                        .allMatch(slot -> info(slot).dtype() == slot.dtype());
    }

    /** Reads straight from the files, without a copy in the page cache. */
    OriginalReader direct(FileIo io, HostMemory host) {
        List<List<FileExtent>> extents = new ArrayList<>();
        for (BlockLayout block : layout.blocks()) {
            extents.add(block.tensors().stream().map(this::extent).toList());
        }
        return new OriginalReader(extents, blockBytes(), io, host);
    }

    /** Reads through the checkpoint, which converts what is stored otherwise. */
    BlockSource converting() {
        return new BlockSource() {
            @Override
            public long version(int block) {
                return foldedThrough;
            }

            @Override
            public long blockBytes(int block) {
                return layout.block(block).sizeBytes();
            }

            @Override
            public BlockRead newRead() {
                return new ConvertingRead(BlockOrigin.this);
            }
        };
    }

    private FileExtent extent(TensorSlot slot) {
        TensorInfo info = info(slot);
        return new FileExtent(
                info.file(), info.offsetBytes(), info.sizeBytes(), slot.offsetBytes());
    }

    private TensorInfo info(TensorSlot slot) {
        return checkpoint.tensors().get(slot.name());
    }

    private static final class ConvertingRead implements BlockRead {
        private final BlockOrigin origin;
        private int block;
        private MemorySegment target;
        private Runnable progress = () -> {};

        ConvertingRead(BlockOrigin origin) {
            this.origin = origin;
        }

        @Override
        public void onProgress(Runnable heard) {
            progress = heard;
        }

        @Override
        public void start(int wanted, MemorySegment destination) {
            block = wanted;
            target = destination;
        }

        @Override
        public long await() {
            origin.checkpoint.readBlock(origin.layout.block(block), target, progress);
            return origin.foldedThrough;
        }

        @Override
        public void close() {
            // The checkpoint's owner closes its files.
        }
    }
}
