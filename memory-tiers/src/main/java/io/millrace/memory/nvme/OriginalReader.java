package io.millrace.memory.nvme;

import io.millrace.memory.BadInputException;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoFile;
import io.millrace.memory.slice.SliceExchange;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads blocks straight from the user's safetensors files, so that a run begins without converting
 * or copying anything. Tensors lie anywhere in those files: aligned reads cover them, and what was
 * asked for is copied out of the staging memory. Neighbours in a file are read as one.
 */
public final class OriginalReader implements BlockSource, AutoCloseable {
    // Reading across a small gap is cheaper than another request.
    private static final long GAP_BYTES = 64 << 10;

    private final FileIo io;
    private final HostMemory memory;
    private final long[] blockBytes;
    private final long[] weightBytes;
    private final Map<Path, IoFile> files = new LinkedHashMap<>();
    private final List<Plan> plans = new ArrayList<>();
    private long pieceCount; // of the blocks that are planned

    /** How a block is read: its pieces, and its tensors in the same order. */
    record Plan(PieceStaging.Pieces pieces, List<FileExtent> extents) {}

    /**
     * Opens every file and plans every block.
     *
     * @param blocks the tensors of each block
     * @param blockBytes bytes of each block
     * @param io how the files are driven; outlives the reader
     * @param memory where staging memory comes from
     * @throws BadInputException when a file is missing or ends before a tensor does
     */
    public OriginalReader(
            List<List<FileExtent>> blocks, List<Long> blockBytes, FileIo io, HostMemory memory) {
        this(blocks, blockBytes, blockBytes, io, memory);
    }

    /**
     * The same for blocks that have more than files do: it is zero in the beginning.
     *
     * @param blocks the tensors of each block
     * @param weightBytes where the weights of each block end
     * @param blockBytes bytes of each block
     * @param io how the files are driven; outlives the reader
     * @param memory where staging memory comes from
     * @throws BadInputException when a file is missing or ends before a tensor does
     */
    public OriginalReader(
            List<List<FileExtent>> blocks,
            List<Long> weightBytes,
            List<Long> blockBytes,
            FileIo io,
            HostMemory memory) {
        this.io = io;
        this.memory = memory;
        this.blockBytes = blockBytes.stream().mapToLong(Long::longValue).toArray();
        this.weightBytes = weightBytes.stream().mapToLong(Long::longValue).toArray();
        if (blocks.size() != this.blockBytes.length || blocks.size() != weightBytes.size()) {
            throw new IllegalArgumentException(
                    blocks.size() + " blocks and " + blockBytes.size() + " sizes");
        }
        try {
            for (int block = 0; block < blocks.size(); block++) {
                plans.add(plan(block, blocks.get(block), this.weightBytes[block]));
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private Plan plan(int block, List<FileExtent> tensors, long sizeBytes) {
        List<FileExtent> extents =
                tensors.stream()
                        .filter(one -> one.sizeBytes() > 0)
                        .sorted(
                                Comparator.comparing(FileExtent::file)
                                        .thenComparingLong(FileExtent::fileOffset))
                        .toList();
        List<PieceStaging.Chunk> chunks = new ArrayList<>();
        int first = 0;
        while (first < extents.size()) {
            IoFile file = file(extents.get(first).file());
            long end = checkedEnd(extents.get(first), file, sizeBytes);
            int next = first + 1;
            while (next < extents.size()
                    && extents.get(next).file().equals(file.path())
                    && extents.get(next).fileOffset() - end <= GAP_BYTES) {
                end = Math.max(end, checkedEnd(extents.get(next++), file, sizeBytes));
            }
            addChunks(chunks, file, extents.get(first).fileOffset(), end);
            first = next;
        }
        long shape = sizeBytes << 1; // even, and those of a store are odd
        PieceStaging.Pieces pieces =
                new PieceStaging.Pieces(pieceCount, block, 0, shape, List.copyOf(chunks));
        pieceCount += chunks.size();
        return new Plan(pieces, extents);
    }

    private void addChunks(List<PieceStaging.Chunk> chunks, IoFile file, long begin, long end) {
        int piece = io.options().pieceBytes();
        long position = begin / HostMemory.PAGE_BYTES * HostMemory.PAGE_BYTES;
        while (position < end) {
            long length = Math.min(piece, HostMemory.pageBytes(end - position));
            long required = Math.min(length, file.sizeBytes() - position);
            chunks.add(new PieceStaging.Chunk(file, position, (int) length, (int) required));
            position += length;
        }
    }

    private static long checkedEnd(FileExtent extent, IoFile file, long blockBytes) {
        long end = Math.addExact(extent.fileOffset(), extent.sizeBytes());
        if (end > file.sizeBytes()) {
            throw new BadInputException(
                    file.path().toString(),
                    "ends at byte " + file.sizeBytes() + " where a tensor needs bytes up to " + end,
                    "fetch the file again");
        }
        if (Math.addExact(extent.blockOffset(), extent.sizeBytes()) > blockBytes) {
            throw new IllegalArgumentException(extent + " ends outside a block of " + blockBytes);
        }
        return end;
    }

    private IoFile file(Path path) {
        return files.computeIfAbsent(path, missing -> io.open(missing, false));
    }

    @Override
    public long version(int block) {
        return 0;
    }

    @Override
    public long blockBytes(int block) {
        return blockBytes[block];
    }

    @Override
    public BlockRead newRead() {
        return new OriginalRead(this, new OwnPieces(io.options(), memory));
    }

    /** A reader whose pieces go round among workers. */
    BlockRead newRead(SliceExchange slices) {
        return new OriginalRead(this, new SharedPieces(slices, io.options(), memory));
    }

    long weightBytes(int block) {
        return weightBytes[block];
    }

    Plan plan(int block) {
        return plans.get(block);
    }

    @Override
    public void close() {
        files.values().forEach(IoFile::close);
    }
}
