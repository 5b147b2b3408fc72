package io.millrace.memory.nvme;

import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.memory.nvme.io.IoRequest;
import io.millrace.memory.nvme.io.Transfer;
import java.lang.foreign.MemorySegment;

/** Pieces that this reader brings itself, to memory of its own. */
final class OwnPieces implements PieceStaging {
    private final int pieceBytes;
    private final Transfer[] transfers;
    private final HostSlab staging;
    private Pieces pieces;

    OwnPieces(IoOptions options, HostMemory memory) {
        pieceBytes = options.pieceBytes();
        transfers = new Transfer[options.depth()];
        for (int i = 0; i < transfers.length; i++) {
            transfers[i] = new Transfer(pieceBytes, 1);
        }
        staging = memory.allocatePinned("read staging", options.stagingBytes());
    }

    @Override
    public void onProgress(Runnable heard) {
        for (Transfer transfer : transfers) {
            transfer.onProgress(heard);
        }
    }

    @Override
    public void begin(Pieces wanted) {
        pieces = wanted;
        for (int i = 0; i < Math.min(transfers.length, pieces.chunks().size()); i++) {
            start(i);
        }
    }

    private void start(int piece) {
        Chunk chunk = pieces.chunks().get(piece);
        int lane = piece % transfers.length;
        transfers[lane].start(
                chunk.file(),
                IoRequest.Op.READ,
                chunk.position(),
                staging.segment(),
                (long) lane * pieceBytes,
                chunk.length(),
                chunk.required());
    }

    @Override
    public MemorySegment await(int piece) {
        int lane = piece % transfers.length;
        transfers[lane].await();
        return staging.segment().asSlice((long) lane * pieceBytes, pieceBytes);
    }

    @Override
    public void release(int piece) {
        if (piece + transfers.length < pieces.chunks().size()) {
            start(piece + transfers.length);
        }
    }

    @Override
    public String disown() {
        return "";
    }

    @Override
    public void beginAlone() {
        begin(pieces);
    }

    @Override
    public void quiesce() {
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
