package io.millrace.executor.place;

import io.millrace.executor.companion.CompanionSource;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.BlockRead;
import io.millrace.memory.nvme.BlockSource;
import io.millrace.memory.nvme.FileExtent;
import io.millrace.memory.nvme.OriginalReader;
import io.millrace.memory.nvme.VerifiedSource;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.StateFile;
import io.millrace.model.file.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Where blocks come from before a run has written any: the base checkpoint and, where the run saved
 * one under way, that one in front of it. The base has no states: they begin at zero.
 *
 * @param base the files that the run began from; stay open while blocks are read
 * @param layout how blocks are laid out, and in which dtypes
 * @param saved the newest checkpoint of a run that goes on
 * @param beside where what is trained beside the blocks comes from; empty where nothing is
 */
public record BlockOrigin(
        Checkpoint base,
        ModelLayout layout,
        Optional<Saved> saved,
        Optional<CompanionSource> beside) {
    /**
     * What a run saved under way.
     *
     * @param checkpoint the weights; stay open while blocks are read
     * @param states those of its update rule, if that keeps any; stay open as long
     * @param foldedThrough the last step that they hold
     * @param checksums CRC-32C of each block; empty where none were kept
     */
    public record Saved(
            Checkpoint checkpoint,
            Optional<StateFile> states,
            long foldedThrough,
            List<Integer> checksums) {}

    /** Of blocks that nothing is trained beside. */
    public BlockOrigin(Checkpoint base, ModelLayout layout, Optional<Saved> saved) {
        this(base, layout, saved, Optional.empty());
    }

    /** The base alone, and what is trained beside it. */
    public static BlockOrigin of(Checkpoint base, ModelLayout layout, CompanionSource beside) {
        return new BlockOrigin(base, layout, Optional.empty(), Optional.of(beside));
    }

    /** The base alone. */
    public static BlockOrigin of(Checkpoint base, ModelLayout layout) {
        return new BlockOrigin(base, layout, Optional.empty());
    }

    List<Long> blockBytes() {
        return layout.blocks().stream().map(BlockLayout::sizeBytes).toList();
    }

    /** Bytes of the weights at the beginning of each block. */
    List<Long> headBytes() {
        return layout.blocks().stream().map(BlockLayout::weightBytes).toList();
    }

    RunStore.Sizes sizes() {
        return new RunStore.Sizes(blockBytes(), headBytes());
    }

    /** Whether the base's files hold the very bytes that blocks have, and nothing is in front. */
    public boolean isStoredAsNeeded() {
        return saved.isEmpty()
                && layout.blocks().stream()
                        .flatMap(block -> block.tensors().stream())
                        .allMatch(slot -> info(slot).format().equals(slot.format()));
    }

    /** Reads straight from the base's files, without a copy in the page cache. */
    OriginalReader direct(FileIo io, HostMemory host) {
        List<List<FileExtent>> extents = new ArrayList<>();
        for (BlockLayout block : layout.blocks()) {
            extents.add(block.tensors().stream().flatMap(this::extents).toList());
        }
        return new OriginalReader(extents, headBytes(), blockBytes(), io, host);
    }

    /** Reads through the checkpoints, which convert what is stored otherwise; newest first. */
    List<BlockSource> converting() {
        List<BlockSource> sources = new ArrayList<>();
        saved.ifPresent(newer -> {
            BlockSource source =
                    new Converting(
                            newer.checkpoint(), newer.states(), layout, newer.foldedThrough());
            String name = newer.checkpoint().directory().toString();
            sources.add(
                    newer.checksums().isEmpty()
                            ? source
                            : new VerifiedSource(source, newer.checksums(), this::parts, name));
        });
        sources.add(new Converting(base, Optional.empty(), layout, 0));
        return sources;
    }

    /** A block's bytes, states included, without what lies between. */
    public List<MemorySegment> parts(int block, MemorySegment bytes) {
        return layout.block(block).parts(bytes);
    }

    private Stream<FileExtent> extents(TensorSlot slot) {
        TensorInfo info = info(slot);
        if (info.parts().isEmpty()) {
            return Stream.of(
                    new FileExtent(
                            info.file(),
                            info.offsetBytes() + slot.firstByte(),
                            slot.sizeBytes(),
                            slot.offsetBytes(),
                            base.checksum(slot.label())));
        }
        List<FileExtent> extents = new ArrayList<>();
        long place = slot.offsetBytes();
        for (TensorInfo part : info.parts()) {
            extents.add(
                    new FileExtent(
                            part.file(),
                            part.offsetBytes(),
                            part.sizeBytes(),
                            place,
                            base.checksum(part.name())));
            place += part.sizeBytes();
        }
        return extents.stream();
    }

    private TensorInfo info(TensorSlot slot) {
        return base.tensors().get(slot.name());
    }

    private record Converting(
            Checkpoint checkpoint,
            Optional<StateFile> states,
            ModelLayout layout,
            long foldedThrough)
            implements BlockSource {
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
            return new ConvertingRead(this);
        }
    }

    private static final class ConvertingRead implements BlockRead {
        private final Converting source;
        private int block;
        private MemorySegment target;
        private Runnable progress = () -> {};

        ConvertingRead(Converting source) {
            this.source = source;
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
            BlockLayout wanted = source.layout.block(block);
            source.checkpoint.readBlock(wanted, target.asSlice(0, wanted.sizeBytes()), progress);
            source.states.ifPresent(file -> file.readBlock(wanted, target, progress));
            return source.foldedThrough;
        }

        @Override
        public void close() {
            // Nothing is kept between blocks.
        }
    }
}
