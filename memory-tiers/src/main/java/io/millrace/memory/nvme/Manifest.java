package io.millrace.memory.nvme;

import io.millrace.memory.BadInputException;
import io.millrace.memory.CorruptDataException;
import io.millrace.memory.host.HostBytes;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.io.BlockingRequest;
import io.millrace.memory.nvme.io.Checksum;
import io.millrace.memory.nvme.io.IoFile;
import io.millrace.memory.nvme.io.IoRequest;
import io.millrace.memory.nvme.io.Transfer;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The file that says which slot holds which version of which block: a header page, then a page for
 * each slot, so that a torn write harms no other slot. A slot's page is rewritten only after its
 * data is durable, and a slot is reused only after its block has a durable successor elsewhere; so
 * the record with the highest sequence number is always whole and always right.
 */
final class Manifest implements AutoCloseable {
    static final int PAGE = HostMemory.PAGE_BYTES;

    private static final long HEADER_MAGIC = 0x31304f54534c4c4dL; // "MLLSTO01"
    private static final long SLOT_MAGIC = 0x31304f4c53474c4dL; // "MLGSLO01"
    private static final int BATCH_PAGES = 8;

    /** Host memory that an open manifest takes. */
    static final long BUFFER_BYTES = (long) BATCH_PAGES * HostMemory.PAGE_BYTES;

    // What a page's checksum covers, and where it lies: all within one sector.
    private static final int BODY_BYTES = 60;

    /** What a slot's page says. */
    record SlotRecord(
            int slot,
            int block,
            long sequence,
            long version,
            long sizeBytes,
            int checksum,
            int headChecksum) {}

    private final IoFile file;
    private final long fingerprint;
    private final int blockCount;
    private final int slotCount;
    private final int geometryChecksum;
    private final HostSlab slab;
    private final HostBytes[] pages = new HostBytes[BATCH_PAGES];
    private final Transfer[] transfers = new Transfer[BATCH_PAGES];
    private final BlockingRequest sync = new BlockingRequest();
    private int batched;

    Manifest(IoFile file, StoreConfig config, SlotGeometry geometry, HostMemory memory) {
        this.file = file;
        this.fingerprint = config.fingerprint();
        this.blockCount = config.blockBytes().size();
        this.slotCount = geometry.slotCount();
        this.geometryChecksum = geometryChecksum(config, geometry);
        this.slab = memory.allocate("manifest pages", BUFFER_BYTES);
        for (int i = 0; i < BATCH_PAGES; i++) {
            pages[i] = slab.bytes((long) i * PAGE, PAGE);
            transfers[i] = new Transfer(PAGE, 1);
        }
    }

    private static int geometryChecksum(StoreConfig config, SlotGeometry geometry) {
        int blocks = config.blockBytes().hashCode() * 31 + geometry.offsets().hashCode();
        return config.headBytes().equals(config.blockBytes())
                ? blocks
                : blocks * 31 + config.headBytes().hashCode();
    }

    static long fileBytes(int slotCount) {
        return (1L + slotCount) * PAGE;
    }

    /** Writes the header of a new store, durably. */
    void create() {
        HostBytes page = pages[0].clear();
        page.writeLong(0, HEADER_MAGIC)
                .writeLong(8, fingerprint)
                .writeInt(16, blockCount)
                .writeInt(20, slotCount)
                .writeInt(24, geometryChecksum);
        seal(page);
        writePage(0, 0);
        awaitPage(0);
        sync.sync(file);
    }

    /** Checks the header of a store that exists, then gives each slot's record, null for none. */
    SlotRecord[] load() {
        readPage(0, 0);
        HostBytes page = pages[0];
        if (page.readLong(0) != HEADER_MAGIC || !isSealed(page)) {
            throw new CorruptDataException(
                    file.path() + ": the header at 0 is damaged; delete the folder to begin anew");
        }
        if (page.readLong(8) != fingerprint
                || page.readInt(16) != blockCount
                || page.readInt(20) != slotCount
                || page.readInt(24) != geometryChecksum) {
            throw new BadInputException(
                    file.path().toString(),
                    "the store holds blocks of another model or layout",
                    "give another folder, or delete this one");
        }
        SlotRecord[] records = new SlotRecord[slotCount];
        for (int slot = 0; slot < slotCount; slot++) {
            readPage(0, 1L + slot);
            records[slot] = decode(pages[0], slot);
        }
        return records;
    }

    private SlotRecord decode(HostBytes page, int slot) {
        boolean valid =
                page.readLong(0) == SLOT_MAGIC
                        && isSealed(page)
                        && page.readLong(8) == fingerprint
                        && page.readInt(16) == slot;
        return valid
                ? new SlotRecord(
                        slot,
                        page.readInt(20),
                        page.readLong(24),
                        page.readLong(32),
                        page.readLong(40),
                        page.readInt(48),
                        page.readInt(52))
                : null;
    }

    /** Writes records and makes them durable. */
    void append(List<SlotRecord> records) {
        for (SlotRecord one : records) {
            HostBytes page = pages[batched].clear();
            page.writeLong(0, SLOT_MAGIC)
                    .writeLong(8, fingerprint)
                    .writeInt(16, one.slot())
                    .writeInt(20, one.block())
                    .writeLong(24, one.sequence())
                    .writeLong(32, one.version())
                    .writeLong(40, one.sizeBytes())
                    .writeInt(48, one.checksum())
                    .writeInt(52, one.headChecksum());
            seal(page);
            writePage(batched++, 1L + one.slot());
            if (batched == BATCH_PAGES) {
                awaitBatch();
            }
        }
        awaitBatch();
        sync.sync(file);
    }

    private void awaitBatch() {
        int waiting = batched;
        batched = 0;
        RuntimeException first = null;
        for (int i = 0; i < waiting; i++) {
            try {
                awaitPage(i);
            } catch (RuntimeException e) {
                first = first == null ? e : first;
            }
        }
        if (first != null) {
            throw first;
        }
    }

    private void writePage(int buffer, long page) {
        start(IoRequest.Op.WRITE, buffer, page);
    }

    private void readPage(int buffer, long page) {
        start(IoRequest.Op.READ, buffer, page);
        awaitPage(buffer);
    }

    private void start(IoRequest.Op op, int buffer, long page) {
        transfers[buffer].start(
                file, op, page * PAGE, slab.segment(), (long) buffer * PAGE, PAGE, PAGE);
    }

    private void awaitPage(int buffer) {
        transfers[buffer].await();
    }

    private static void seal(HostBytes page) {
        page.writeInt(BODY_BYTES, checksum(page));
    }

    private static boolean isSealed(HostBytes page) {
        return page.readInt(BODY_BYTES) == checksum(page);
    }

    private static int checksum(HostBytes page) {
        MemorySegment body = page.segment().asSlice(0, BODY_BYTES);
        return Checksum.of(body);
    }

    @Override
    public void close() {
        for (HostBytes page : pages) {
            page.close();
        }
        slab.close();
        file.close();
    }
}
