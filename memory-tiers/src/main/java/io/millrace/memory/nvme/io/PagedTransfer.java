package io.millrace.memory.nvme.io;

import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import java.lang.foreign.MemorySegment;

/**
 * A transfer between whole pages of a file and memory that ends anywhere: the last part of a page
 * goes by a page of its own, so that memory beyond the block is neither read nor written.
 */
public final class PagedTransfer implements AutoCloseable {
    private static final int PAGE = HostMemory.PAGE_BYTES;

    /** Host memory that one takes. */
    public static final long BUFFER_BYTES = PAGE;

    private final int pieceBytes;
    private final Transfer body;
    private final Transfer tail = new Transfer(PAGE, 1);
    private final HostSlab tailPage;
    private final Checksum checksum = new Checksum();
    private IoRequest.Op op = IoRequest.Op.READ;
    private MemorySegment memory = MemorySegment.NULL;
    private long bodyBytes;
    private int tailBytes;
    private long mark;
    private int marked;

    public PagedTransfer(IoOptions options, HostMemory memory) {
        pieceBytes = options.pieceBytes();
        body = new Transfer(options.pieceBytes(), options.depth());
        tailPage = memory.allocate("a page for block tails", PAGE);
    }

    public void onProgress(Runnable heard) {
        body.onProgress(heard);
        tail.onProgress(heard);
    }

    /** Starts a transfer of a block; await it before the next. */
    public void start(
            IoFile file, IoRequest.Op operation, long position, MemorySegment block, long bytes) {
        op = operation;
        memory = block.asSlice(0, bytes);
        tailBytes = (int) (bytes % PAGE);
        bodyBytes = bytes - tailBytes;
        if (bodyBytes > 0) {
            body.start(file, op, position, memory, 0, bodyBytes, bodyBytes);
        }
        if (tailBytes > 0) {
            if (op == IoRequest.Op.WRITE) {
                tailPage.segment().fill((byte) 0);
                MemorySegment.copy(memory, bodyBytes, tailPage.segment(), 0, tailBytes);
            }
            tail.start(file, op, position + bodyBytes, tailPage.segment(), 0, PAGE, PAGE);
        }
        checksum.start(memory);
        mark = bytes;
    }

    /** Has {@link #await} keep the checksum of the first bytes, too; after the start. */
    public void mark(long bytes) {
        mark = bytes;
    }

    /** The CRC32C of the bytes up to the mark, or of all without one; known after await. */
    public int marked() {
        return marked;
    }

    private void advanceTo(long done) {
        checksum.advanceTo(Math.min(mark, done));
        if (mark <= done) {
            marked = checksum.value();
            mark = Long.MAX_VALUE;
        }
        checksum.advanceTo(done);
    }

    /** Waits for all of it, taking in each piece while later ones are on their way; the CRC32C. */
    public int await() {
        try {
            for (long done = 0; done < bodyBytes; ) {
                done = Math.min(bodyBytes, done + pieceBytes);
                if (op == IoRequest.Op.READ) {
                    body.awaitPrefix(done);
                }
                advanceTo(done);
            }
            if (bodyBytes > 0) {
                body.await();
            }
            if (tailBytes > 0) {
                tail.await();
                if (op == IoRequest.Op.READ) {
                    MemorySegment.copy(tailPage.segment(), 0, memory, bodyBytes, tailBytes);
                }
                advanceTo(bodyBytes + tailBytes);
            }
            return checksum.value();
        } finally {
            quiesce();
        }
    }

    /** Waits until nothing is in flight, without asking how it went. */
    public void quiesce() {
        body.quiesce();
        tail.quiesce();
    }

    @Override
    public void close() {
        quiesce();
        tailPage.close();
    }
}
