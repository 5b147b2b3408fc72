package io.millrace.memory.nvme;

import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Reads blocks of the user's files through staging memory. */
final class OriginalRead implements BlockRead {
    private final OriginalReader reader;
    private final int pieceBytes;
    private final Transfer[] transfers;
    private final HostSlab staging;
    private OriginalReader.Plan plan;
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
    public void start(int block, MemorySegment destination) {
        if (plan != null) {
            throw new IllegalStateException("a block is still being read");
        }
        target = destination.asSlice(0, reader.blockBytes(block));
        plan = reader.plan(block);
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
            List<OriginalReader.Chunk> chunks = plan.chunks();
            int firstExtent = 0;
            for (int i = 0; i < chunks.size(); i++) {
                transfers[i % transfers.length].await();
                firstExtent = copyOut(i, firstExtent);
                if (i + transfers.length < chunks.size()) {
                    begin(i + transfers.length);
                }
            }
            return 0;
        } finally {
            quiesce();
            plan = null;
        }
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
                MemorySegment.copy(
                        staging.segment(),
                        stagingStart + begin - chunk.position(),
                        target,
                        extent.blockOffset() + begin - extent.fileOffset(),
                        end - begin);
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
