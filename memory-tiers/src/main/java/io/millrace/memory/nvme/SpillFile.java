package io.millrace.memory.nvme;

import io.millrace.memory.CorruptDataException;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.Tier;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoFile;
import io.millrace.memory.nvme.io.IoRequest;
import io.millrace.memory.nvme.io.PagedTransfer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Areas of a drive for what a run sets aside and takes back within a step: one write and one read
 * may be under way. The file has no name from the moment it is open, so that nothing of it is left
 * behind, whatever ends the run; what comes back is compared with what went. Used by one thread.
 */
public final class SpillFile implements AutoCloseable {
    private static final int NONE = -1;

    private final OwnedResources owned = new OwnedResources();
    private final long[] areaBytes;
    private final long[] positions;
    private final int[] checksums;
    private final boolean[] written;
    private final PagedTransfer writing;
    private final PagedTransfer reading;
    private final IoFile file;
    private int writes = NONE; // the area that is being written
    private int reads = NONE;

    /**
     * Reserves the areas on the drive.
     *
     * @param io how files are driven; outlives this
     * @param folder exists, and may be written to
     * @param host where a few pages of buffers come from; its ledger is charged for the file
     * @param areaBytes of each area
     * @throws io.millrace.memory.TierFullException when the drive, or its budget, has fewer bytes
     */
    public SpillFile(FileIo io, Path folder, HostMemory host, List<Long> areaBytes) {
        this.areaBytes = areaBytes.stream().mapToLong(Long::longValue).toArray();
        positions = new long[this.areaBytes.length];
        for (int area = 1; area < positions.length; area++) {
            positions[area] = positions[area - 1] + HostMemory.pageBytes(this.areaBytes[area - 1]);
        }
        checksums = new int[positions.length];
        written = new boolean[positions.length];
        long bytes = fileBytes(areaBytes);
        try {
            host.ledger().reserve(Tier.NVME, "what is set aside in " + folder, bytes);
            owned.own(() -> host.ledger().release(Tier.NVME, bytes));
            writing = owned.own(new PagedTransfer(io.options(), host));
            reading = owned.own(new PagedTransfer(io.options(), host));
            file = owned.own(openNameless(io, folder, bytes));
        } catch (RuntimeException | Error e) {
            try (owned) {
                throw e;
            }
        }
    }

    private static IoFile openNameless(FileIo io, Path folder, long bytes) {
        try {
            Path name = Files.createTempFile(folder, "spill", ".tmp");
            try {
                io.preallocate(name, bytes);
                return io.open(name, true);
            } finally {
                Files.delete(name);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Bytes that so many areas take of the drive. */
    public static long fileBytes(List<Long> areaBytes) {
        return areaBytes.stream().mapToLong(HostMemory::pageBytes).sum();
    }

    /** Host memory that the buffers of one take. */
    public static long bufferBytes() {
        return 2 * PagedTransfer.BUFFER_BYTES;
    }

    /**
     * Starts to write an area, once the write before has ended; the memory must not change until
     * {@link #awaitWritten}.
     *
     * @param from page-aligned memory of the area's bytes
     */
    public void write(int area, MemorySegment from) {
        awaitWritten();
        writes = area;
        written[area] = false;
        writing.start(file, IoRequest.Op.WRITE, positions[area], from, areaBytes[area]);
    }

    /** Waits for the write that is under way, if one is. */
    public void awaitWritten() {
        if (writes != NONE) {
            int area = writes;
            writes = NONE;
            checksums[area] = writing.await();
            written[area] = true;
        }
    }

    /**
     * Starts to read an area back, once the read before has ended.
     *
     * @param to page-aligned memory of the area's bytes; they are there after {@link #awaitRead}
     */
    public void read(int area, MemorySegment to) {
        awaitRead();
        if (writes == area) {
            awaitWritten();
        }
        if (!written[area]) {
            throw new IllegalStateException("area " + area + " was never written");
        }
        reads = area;
        reading.start(file, IoRequest.Op.READ, positions[area], to, areaBytes[area]);
    }

    /**
     * Waits for the read that is under way, if one is.
     *
     * @throws CorruptDataException where other bytes come back than went
     */
    public void awaitRead() {
        if (reads != NONE) {
            int area = reads;
            reads = NONE;
            int found = reading.await();
            if (found != checksums[area]) {
                throw new CorruptDataException(
                        String.format(
                                "%s: what was set aside at %d (%d bytes) has checksum %08x,"
                                        + " expected %08x; go on with --resume, on another drive",
                                file.path().getParent(),
                                positions[area],
                                areaBytes[area],
                                found,
                                checksums[area]));
            }
        }
    }

    /** Waits for what is under way and forgets all areas: what a step that ended early has left. */
    public void abandon() {
        awaitWritten();
        if (reads != NONE) {
            reads = NONE;
            reading.await();
        }
        Arrays.fill(written, false);
    }

    /** Waits for what is under way without asking how it went: before its memory goes. */
    public void quiesce() {
        writing.quiesce();
        reading.quiesce();
    }

    @Override
    public void close() {
        owned.close();
    }
}
