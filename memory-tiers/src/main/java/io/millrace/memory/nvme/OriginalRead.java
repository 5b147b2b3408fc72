package io.millrace.memory.nvme;

import io.millrace.memory.CorruptDataException;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/** Reads blocks of the user's files through staging memory, which it closes. */
final class OriginalRead implements BlockRead {
    private static final System.Logger LOG = System.getLogger(OriginalRead.class.getName());

    private final OriginalReader reader;
    private final PieceStaging staging;
    private final List<CRC32C> checksums = new ArrayList<>();
    private OriginalReader.Plan plan;
    private int block;
    private MemorySegment target;

    OriginalRead(OriginalReader reader, PieceStaging staging) {
        this.reader = reader;
        this.staging = staging;
    }

    @Override
    public void onProgress(Runnable heard) {
        staging.onProgress(heard);
    }

    @Override
    public void start(int wanted, MemorySegment destination) {
        if (plan != null) {
            throw new IllegalStateException("a block is still being read");
        }
        block = wanted;
        target = destination.asSlice(0, reader.blockBytes(wanted));
        plan = reader.plan(wanted);
        staging.begin(plan.pieces());
        // The states of an update rule, while the drive is at work.
        target.asSlice(reader.weightBytes(wanted)).fill((byte) 0);
    }

    @Override
    public long await() {
        if (plan == null) {
            throw new IllegalStateException("no read was started");
        }
        try {
            awaitAll();
            Optional<String> mismatch = mismatch();
            if (mismatch.isPresent()) {
                // A bit may flip on the way as well as on the drive: the second read tells.
                LOG.log(
                        Level.WARNING,
                        mismatch.get() + staging.disown() + "; reading the block again");
                staging.beginAlone();
                awaitAll();
                mismatch()
                        .ifPresent(again -> {
                            throw new CorruptDataException(
                                    again
                                            + " in two reads; the file was changed since the run read it"
                                            + " first, or its drive has lost these bytes");
                        });
            }
            return 0;
        } finally {
            staging.quiesce();
            plan = null;
        }
    }

    private void awaitAll() {
        checksums.forEach(CRC32C::reset);
        while (checksums.size() < plan.extents().size()) {
            checksums.add(new CRC32C());
        }
        int pieces = plan.pieces().chunks().size();
        int firstExtent = 0;
        for (int i = 0; i < pieces; i++) {
            firstExtent = copyOut(staging.await(i), i, firstExtent);
            staging.release(i);
        }
    }

    /** What is wrong with the first tensor that does not have the bytes that it had before. */
    private Optional<String> mismatch() {
        for (int i = 0; i < plan.extents().size(); i++) {
            FileExtent extent = plan.extents().get(i);
            int actual = (int) checksums.get(i).getValue();
            if (extent.checksum().isPresent() && extent.checksum().getAsInt() != actual) {
                return Optional.of(
                        String.format(
                                "%s: block %d's %d bytes at %d have checksum %08x, expected %08x",
                                extent.file(),
                                block,
                                extent.sizeBytes(),
                                extent.fileOffset(),
                                actual,
                                extent.checksum().getAsInt()));
            }
        }
        return Optional.empty();
    }

    /** Copies what a chunk has of each tensor; the first tensor that a later chunk may have. */
    private int copyOut(MemorySegment piece, int index, int firstExtent) {
        PieceStaging.Chunk chunk = plan.pieces().chunks().get(index);
        long chunkEnd = chunk.position() + chunk.length();
        List<FileExtent> extents = plan.extents();
        int first = firstExtent;
        for (int i = firstExtent; i < extents.size(); i++) {
            FileExtent extent = extents.get(i);
            if (!extent.file().equals(chunk.file().path()) || extent.fileOffset() >= chunkEnd) {
                break;
            }
            long begin = Math.max(extent.fileOffset(), chunk.position());
            long end = Math.min(extent.fileOffset() + extent.sizeBytes(), chunkEnd);
            if (begin < end) {
                MemorySegment part = piece.asSlice(begin - chunk.position(), end - begin);
                long place = extent.blockOffset() + begin - extent.fileOffset();
                MemorySegment.copy(part, 0, target, place, end - begin);
                if (extent.checksum().isPresent()) {
                    // Of what was copied: memory that others share could change in between. It is
                    // in the cache; a piece is far below two GiB.
                    checksums.get(i).update(target.asSlice(place, end - begin).asByteBuffer());
                }
            }
            if (i == first && extent.fileOffset() + extent.sizeBytes() <= chunkEnd) {
                first++;
            }
        }
        return first;
    }

    @Override
    public void close() {
        staging.close();
    }
}
