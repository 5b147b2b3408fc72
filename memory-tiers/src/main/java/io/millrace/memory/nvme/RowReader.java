package io.millrace.memory.nvme;

import io.millrace.memory.BadInputException;
import io.millrace.memory.CorruptDataException;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoFile;
import io.millrace.memory.nvme.io.IoRequest;
import io.millrace.memory.nvme.io.Transfer;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.function.IntUnaryOperator;
import java.util.zip.CRC32C;

/**
 * Reads single rows of a table straight from a user's file, several at a time, through staging
 * memory of a few rows.
 */
public final class RowReader implements RowSource, AutoCloseable {
    private static final System.Logger LOG = System.getLogger(RowReader.class.getName());
    private static final int DEPTH = 16;

    private final long first;
    private final int rowBytes;
    private final Optional<IntUnaryOperator> checksums;
    private final IoFile file;
    private final HostSlab staging;
    private final long slotBytes;
    private final Transfer[] transfers = new Transfer[DEPTH];
    private final CRC32C crc = new CRC32C();

    /**
     * Opens the file.
     *
     * @param table where it lies; its place in a block is of no matter
     * @param rowBytes bytes of a row
     * @param checksums CRC-32C of each row, where they were read before
     * @param io how the file is driven; outlives the reader
     * @param memory where staging memory comes from
     * @throws BadInputException when the file ends before the table does
     */
    public RowReader(
            FileExtent table,
            int rowBytes,
            Optional<IntUnaryOperator> checksums,
            FileIo io,
            HostMemory memory) {
        first = table.fileOffset();
        this.rowBytes = rowBytes;
        this.checksums = checksums;
        slotBytes = slotBytes(rowBytes);
        for (int i = 0; i < DEPTH; i++) {
            transfers[i] = new Transfer((int) slotBytes, 1);
        }
        file = io.open(table.file(), false);
        try {
            if (first + table.sizeBytes() > file.sizeBytes()) {
                throw new BadInputException(
                        table.file().toString(),
                        "ends at byte " + file.sizeBytes() + ", within a table",
                        "fetch the file again");
            }
            staging = memory.allocatePinned("rows that are read", DEPTH * slotBytes);
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    /** Host memory that a reader of such rows takes. */
    public static long stagingBytes(long rowBytes) {
        return DEPTH * slotBytes(rowBytes);
    }

    /** A row begins at any byte of a page. */
    private static long slotBytes(long rowBytes) {
        return HostMemory.pageBytes(rowBytes) + HostMemory.PAGE_BYTES;
    }

    @Override
    public void read(long step, int[] rows, Taker taker) {
        try {
            for (int i = 0; i < Math.min(DEPTH, rows.length); i++) {
                begin(i, rows[i]);
            }
            for (int i = 0; i < rows.length; i++) {
                transfers[i % DEPTH].await();
                taker.take(i, verified(i, rows[i]));
                if (i + DEPTH < rows.length) {
                    begin(i + DEPTH, rows[i + DEPTH]);
                }
            }
        } finally {
            quiesce();
        }
    }

    private void begin(int index, int row) {
        long begin = first + (long) row * rowBytes;
        long aligned = begin / file.alignment() * file.alignment();
        long end = begin + rowBytes;
        long length = Math.ceilDiv(end - aligned, file.alignment()) * (long) file.alignment();
        transfers[index % DEPTH].start(
                file,
                IoRequest.Op.READ,
                aligned,
                staging.segment(),
                index % DEPTH * slotBytes,
                length,
                end - aligned);
    }

    /** The row that a transfer has brought. */
    private MemorySegment verified(int index, int row) {
        MemorySegment bytes = bytes(index, row);
        if (checksums.isEmpty() || matches(bytes, row)) {
            return bytes;
        }
        // A bit may flip on the way as well as on the drive: the second read tells.
        LOG.log(Level.WARNING, place(row) + " is not what it was; reading it again");
        begin(index, row);
        transfers[index % DEPTH].await();
        if (!matches(bytes, row)) {
            throw new CorruptDataException(
                    place(row)
                            + " is not what it was in two reads; the file was changed since the run"
                            + " read it first, or its drive has lost these bytes");
        }
        return bytes;
    }

    private MemorySegment bytes(int index, int row) {
        long begin = first + (long) row * rowBytes;
        return staging.segment()
                .asSlice(index % DEPTH * slotBytes + begin % file.alignment(), rowBytes);
    }

    private boolean matches(MemorySegment bytes, int row) {
        crc.reset();
        crc.update(bytes.asByteBuffer());
        return (int) crc.getValue() == checksums.orElseThrow().applyAsInt(row);
    }

    private String place(int row) {
        return file.path() + ": row " + row + " of the table at byte " + first;
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
        file.close();
    }
}
