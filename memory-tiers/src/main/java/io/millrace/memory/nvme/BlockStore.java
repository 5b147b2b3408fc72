package io.millrace.memory.nvme;

import io.millrace.memory.BadInputException;
import io.millrace.memory.CorruptDataException;
import io.millrace.memory.NativeCallException;
import io.millrace.memory.Tier;
import io.millrace.memory.file.FolderLock;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.io.BlockingRequest;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoFile;
import io.millrace.memory.nvme.io.IoPath;
import io.millrace.memory.nvme.io.PagedTransfer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The blocks of one run on the drive, each with its version: the last step whose updates are folded
 * into it, 0 where the store has none yet. Safe for use from any thread.
 *
 * <p>A write goes to a slot that holds no version anyone may need, and counts for readers of this
 * process once it is whole. {@link #sync} makes what was written durable: data first, then the
 * manifest that names it. So whatever the instant of a crash, each block is found again in its last
 * synced version or a newer whole one, verified by its checksum when read. Blocks may differ in
 * version; the journal carries each forward. A write makes room by a sync of its own where too few
 * spare slots are left, so the journal must hold a step durably before any block is written with
 * it.
 */
public final class BlockStore implements BlockSource, AutoCloseable {
    private static final String DATA_FILE = "blocks.dat";
    private static final String MANIFEST_FILE = "manifest.dat";
    private static final String LOCK_FILE = "lock";
    private static final String IN_USE = "another run uses this store";
    private static final String DRAFT = ".new";
    private static final String OWNER_FILE = "owner.json";

    private final StoreConfig config;
    private final FileIo io;
    private final HostMemory memory;
    private final FolderLock lock;
    private final SlotGeometry geometry;
    private final SlotTable slots; // guarded by this
    private final IoFile data;
    private final Manifest manifest;
    private final BlockingRequest dataSync = new BlockingRequest();
    private final Object syncing = new Object();
    private final long chargedBytes;
    private Throwable poison; // guarded by this
    private long rereadCount; // guarded by this
    private boolean closed;

    private BlockStore(StoreConfig config, FileIo io, HostMemory memory) {
        this.config = config;
        this.io = io;
        this.memory = memory;
        geometry = SlotGeometry.of(config);
        chargedBytes = config.storeBytes();
        memory.ledger().reserve(Tier.NVME, "the block store in " + config.folder(), chargedBytes);
        Undo undo = new Undo();
        undo.add(() -> memory.ledger().release(Tier.NVME, chargedBytes));
        try {
            lock = FolderLock.take(config.folder(), LOCK_FILE, IN_USE);
            undo.add(lock::close);
            Path manifestPath = config.folder().resolve(MANIFEST_FILE);
            boolean exists = Files.exists(manifestPath);
            if (!exists) {
                create(manifestPath);
            }
            data = io.open(config.folder().resolve(DATA_FILE), true);
            undo.add(data::close);
            IoFile manifestFile = io.open(manifestPath, true);
            undo.add(manifestFile::close);
            manifest = new Manifest(manifestFile, config, geometry, memory);
            undo.add(manifest::close);
            slots = new SlotTable(geometry, config.blockBytes());
            slots.restore(manifest.load());
            requireSize();
        } catch (RuntimeException | Error e) {
            undo.run(e);
            throw e;
        }
    }

    /**
     * Opens the store in a folder, or creates it there with all the room that it will ever need.
     *
     * @param config what it holds
     * @param io how its files are driven; outlives the store
     * @param memory where its few pages of buffers come from; its ledger is charged for the files
     * @throws io.millrace.memory.TierFullException when the NVMe budget or the drive is too small
     * @throws BadInputException when the folder is in use, or holds another model's store
     */
    public static BlockStore open(StoreConfig config, FileIo io, HostMemory memory) {
        return new BlockStore(config, io, memory);
    }

    /** Host memory that an open store takes with so many readers and writers. */
    public static long bufferBytes(int readers, int writers) {
        return Manifest.BUFFER_BYTES + (readers + writers) * PagedTransfer.BUFFER_BYTES;
    }

    /** Whether a folder holds a whole store, or the rest of one. */
    public static boolean isStore(Path folder) {
        return Files.exists(folder.resolve(MANIFEST_FILE))
                || Files.exists(folder.resolve(DATA_FILE));
    }

    /** Where a folder says whose store it holds; written by whoever opens it, if at all. */
    public static Path ownerFile(Path folder) {
        return folder.resolve(OWNER_FILE);
    }

    /**
     * Deletes a store that is not open, and its folder where nothing else is in it. The manifest
     * goes first: what a crash leaves of the rest is no store any more.
     *
     * @throws BadInputException when another run has it open
     */
    public static void delete(Path folder) {
        if (!Files.isDirectory(folder)) {
            return;
        }
        FolderLock held = FolderLock.take(folder, LOCK_FILE, IN_USE);
        try (held) {
            for (String name :
                    List.of(MANIFEST_FILE, MANIFEST_FILE + DRAFT, DATA_FILE, OWNER_FILE)) {
                Files.deleteIfExists(folder.resolve(name));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        try {
            try (var rest = Files.list(folder)) {
                if (rest.findAny().isPresent()) {
                    return;
                }
            }
            Files.delete(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(folder + " cannot be removed", e);
        }
    }

    private void create(Path manifestPath) {
        io.preallocate(config.folder().resolve(DATA_FILE), geometry.dataBytes());
        // The manifest appears under its name whole: a crash before leaves no store at all.
        Path draft = config.folder().resolve(MANIFEST_FILE + DRAFT);
        try {
            Files.deleteIfExists(draft);
            io.preallocate(draft, Manifest.fileBytes(geometry.slotCount()));
            try (Manifest fresh = new Manifest(io.open(draft, true), config, geometry, memory)) {
                fresh.create();
            }
            Files.move(draft, manifestPath);
            try (FileChannel folder = FileChannel.open(config.folder())) {
                folder.force(true);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void requireSize() {
        if (data.sizeBytes() < geometry.dataBytes()) {
            throw new CorruptDataException(
                    data.path()
                            + ": "
                            + data.sizeBytes()
                            + " bytes where the manifest needs "
                            + geometry.dataBytes()
                            + "; it was cut short");
        }
    }

    /** What moves its bytes. */
    public IoPath path() {
        return io.path();
    }

    /** Number of blocks. */
    public int blockCount() {
        return config.blockBytes().size();
    }

    @Override
    public long blockBytes(int block) {
        return config.blockBytes().get(block);
    }

    /** Bytes at the beginning of a block that can be read alone. */
    public long headBytes(int block) {
        return config.headBytes().get(block);
    }

    /** The last step folded into the newest bytes that a read would give; 0 for none. */
    @Override
    public synchronized long version(int block) {
        return slots.version(block);
    }

    /** The last step folded into the bytes that a loss of power would leave; 0 for none. */
    public synchronized long durableVersion(int block) {
        return slots.durableVersion(block);
    }

    @Override
    public synchronized boolean has(int block) {
        return slots.version(block) > 0;
    }

    /**
     * Forgets the newest version of a block, whose bytes are damaged: the store then has the one
     * that was durable before it, or none. Its slot is free again.
     */
    @Override
    public synchronized void lose(int block) {
        slots.forgetNewest(block);
        notifyAll();
    }

    /** Blocks read a second time because a checksum did not match at first. */
    public synchronized long rereadCount() {
        return rereadCount;
    }

    @Override
    public BlockRead newRead() {
        return new StoreRead(this, io.options(), memory);
    }

    /** A writer of one block at a time; whoever asks owns it, and uses it from one thread. */
    public BlockWrite newWrite() {
        return new BlockWrite(this, io.options(), memory);
    }

    /**
     * Writes one block and waits for it.
     *
     * @param block its index
     * @param source begins on a page; holds the block
     * @param version the last step folded into it, durable in the journal
     */
    public void write(int block, MemorySegment source, long version) {
        try (BlockWrite write = newWrite()) {
            write.start(block, source, version);
            write.await();
        }
    }

    /**
     * Makes every version written so far durable. After a failure nobody knows what the drive
     * holds: the store takes no more writes, and a later run finds the last synced versions.
     */
    public void sync() {
        synchronized (syncing) {
            List<Manifest.SlotRecord> records;
            synchronized (this) {
                requireSound();
                records = slots.pinUnsynced();
            }
            if (records.isEmpty()) {
                return;
            }
            Throwable failure = null;
            try {
                dataSync.sync(data);
                manifest.append(records);
            } catch (RuntimeException | Error e) {
                failure = e;
                throw e;
            } finally {
                synchronized (this) {
                    if (failure == null) {
                        slots.synced(records);
                    } else {
                        poison = failure;
                    }
                    records.forEach(one -> slots.unpin(one.slot()));
                    notifyAll();
                }
            }
        }
    }

    /** Frees what the process holds of it, without a sync; a second call does nothing. */
    @Override
    public void close() {
        synchronized (syncing) {
            if (!closed) {
                closed = true;
                data.close();
                manifest.close();
                lock.close();
                memory.ledger().release(Tier.NVME, chargedBytes);
            }
        }
    }

    IoFile data() {
        return data;
    }

    int slotCount() {
        return geometry.slotCount();
    }

    /** Bytes of a slot: whole pages. */
    long slotBytes(int slot) {
        return geometry.sizes().get(slot);
    }

    long offset(int slot) {
        return geometry.offsets().get(slot);
    }

    SlotTable slots() {
        return slots;
    }

    /** A slot for a block's next version, pinned; syncs or waits where none is free. */
    int takeSlot(int block, long version) {
        while (true) {
            synchronized (this) {
                requireSound();
                if (version < 1 || version < slots.version(block)) {
                    throw new IllegalArgumentException(
                            "block "
                                    + block
                                    + " at step "
                                    + slots.version(block)
                                    + " cannot go to "
                                    + version);
                }
                int slot = slots.pinFree(block);
                if (slot >= 0) {
                    return slot;
                }
                if (!slots.hasUnsynced()) {
                    try {
                        wait(); // readers or other writers hold the spares
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                        throw new IllegalStateException(
                                "interrupted while waiting for a free slot", e);
                    }
                    continue;
                }
            }
            sync();
        }
    }

    synchronized void releaseSlot(int slot) {
        slots.unpin(slot);
        notifyAll();
    }

    synchronized void publish(int block, int slot, long version, int checksum, int headChecksum) {
        slots.publish(block, slot, version, checksum, headChecksum);
        slots.unpin(slot);
        notifyAll();
    }

    synchronized void countReread() {
        rereadCount++;
    }

    private void requireSound() {
        if (poison != null) {
            throw new NativeCallException(
                    "a write to " + data.path(),
                    0,
                    "an earlier sync failed: " + poison.getMessage());
        }
    }
}
