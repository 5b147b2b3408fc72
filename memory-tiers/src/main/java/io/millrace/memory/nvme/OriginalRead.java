package io.millrace.memory.nvme;

import io.millrace.memory.CorruptDataException;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.memory.nvme.io.IoRequest;
import io.millrace.memory.nvme.io.Transfer;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/** Reads blocks of the user's files through staging memory. */
final class OriginalRead implements BlockRead {
    private static final System.Logger LOG = System.getLogger(OriginalRead.class.getName());

    private final OriginalReader reader;
    private final int pieceBytes;
    private final Transfer[] transfers;
    private final HostSlab staging;
    private final List<CRC32C> checksums = new ArrayList<>();
    private OriginalReader.Plan plan;
    private int block;
    private MemorySegment target;

    OriginalRead(OriginalReader reader, IoOptions options, HostMemory memory) {
        this.reader = reader;
        this.pieceBytes = options.pieceBytes();
        this.transfers = new Transfer[options.depth()];
        for (int i = 0; i < transfers.length; i++) {
            transfers[i] = new Transfer(pieceBytes, 1);
        }
        this.staging = memory.allocatePinned("read staging", (long) pieceBytes * transfers.length);
    }

    @Override
    public void onProgress(Runnable heard) {
        for (Transfer transfer : transfers) {
            transfer.onProgress(heard);
        }
    }

    @Override
    public void start(int wanted, MemorySegment destination) {
        if (plan != null) {
            throw new IllegalStateException("a block is still being read");
        }
        block = wanted;
        target = destination.asSlice(0, reader.blockBytes(wanted));
        plan = reader.plan(wanted);
        beginAll();
        // The states of an update rule, while the drive is at work.
        target.asSlice(reader.weightBytes(wanted)).fill((byte) 0);
    }

    private void beginAll() {
        checksums.forEach(CRC32C::reset);
        while (checksums.size() < plan.extents().size()) {
            checksums.add(new CRC32C());
        }
        for (int i = 0; i < Math.min(transfers.length, plan.chunks().size()); i++) {
            begin(i);
        }
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
                LOG.log(Level.WARNING, mismatch.get() + "; reading the block again");
                beginAll();
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
            quiesce();
            plan = null;
        }
    }

    private void awaitAll() {
        List<OriginalReader.Chunk> chunks = plan.chunks();
        int firstExtent = 0;
        for (int i = 0; i < chunks.size(); i++) {
            transfers[i % transfers.length].await();
            firstExtent = copyOut(i, firstExtent);
            if (i + transfers.length < chunks.size()) {
                begin(i + transfers.length);
            }
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

    private void begin(int index) {
        OriginalReader.Chunk chunk = plan.chunks().get(index);
        int lane = index % transfers.length;
        transfers[lane].start(
                chunk.file(),
                IoRequest.Op.READ,
                chunk.position(),
                staging.segment(),
                (long) lane * pieceBytes,
                chunk.length(),
                chunk.required());
    }

    /** Copies what a chunk has of each tensor; the first tensor that a later chunk may have. */
    private int copyOut(int index, int firstExtent) {
        OriginalReader.Chunk chunk = plan.chunks().get(index);
        long stagingStart = (long) (index % transfers.length) * pieceBytes;
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
                long from = stagingStart + begin - chunk.position();
                MemorySegment.copy(
                        staging.segment(),
                        from,
                        target,
                        extent.blockOffset() + begin - extent.fileOffset(),
                        end - begin);
                if (extent.checksum().isPresent()) {
                    // While the piece is in the cache; a piece is far below two GiB.
                    checksums
                            .get(i)
                            .update(staging.segment().asSlice(from, end - begin).asByteBuffer());
                }
            }
            if (i == first && extent.fileOffset() + extent.sizeBytes() <= chunkEnd) {
                first++;
            }
        }
        return first;
    }

    private void quiesce() {
        for (Transfer transfer : transfers) {
            transfer.quiesce();
        }
    }

    @Override
    public void close() {
        quiesce();
        staging.close();
    }
}
