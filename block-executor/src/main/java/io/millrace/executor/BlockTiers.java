package io.millrace.executor;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.memory.Ledger;
import io.millrace.memory.Tier;
import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceOptions;
import io.millrace.memory.device.Devices;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.Pinning;
import io.millrace.memory.nvme.BlockSource;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.memory.nvme.FaultPlan;
import io.millrace.memory.nvme.FaultyFileIo;
import io.millrace.memory.nvme.FileIo;
import io.millrace.memory.nvme.LayeredSource;
import io.millrace.memory.nvme.OriginalReader;
import io.millrace.memory.nvme.StoreConfig;
import io.millrace.prefetch.BlockFeed;
import io.millrace.prefetch.BlockSink;
import io.millrace.prefetch.DevicePort;
import io.millrace.prefetch.FeedOptions;
import io.millrace.prefetch.FeedPorts;
import io.millrace.prefetch.PipelinedFeed;
import io.millrace.prefetch.Placement;
import io.millrace.prefetch.ResidentFeed;
import io.millrace.telemetry.SpanRecorder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/**
 * Where a run's blocks lie, as its budgets decide: all in memory, or streamed through host slots
 * from the user's own files and, once they were changed, from the block store.
 */
final class BlockTiers implements AutoCloseable {
    private final MemoryConfig config;
    private final Ledger ledger;
    private final BlockOrigin origin;
    private final SpanRecorder spans;
    private final Deque<AutoCloseable> owned = new ArrayDeque<>();
    private final HostMemory host;
    private final Device device;
    private final HostMemory scratchMemory;
    private BlockFeed feed;
    private PipelinedFeed pipeline;
    private TierPlan tierPlan;
    private Placement placement;
    private FileIo io;
    private StoreFolder storeFolder;
    private boolean discardStore;

    private BlockTiers(MemoryConfig config, Ledger ledger, BlockOrigin origin, SpanRecorder spans) {
        this.config = config;
        this.ledger = ledger;
        this.origin = origin;
        this.spans = spans;
        device = own(Devices.open(config.device(), ledger, DeviceOptions.defaults()));
        host = new HostMemory(ledger, Tier.HOST, device.pinning());
        scratchMemory =
                device.unifiedMemory()
                        ? host
                        : new HostMemory(ledger, Tier.DEVICE, Pinning.mlock());
    }

    /**
     * Decides where blocks lie, without allocating.
     *
     * @param config the budgets
     * @param ledger what everything is charged to
     * @param origin where blocks come from
     * @param spans what transfers are recorded in
     * @param need what else memory has to hold
     * @param writesBack whether blocks change
     * @throws BadInputException when a budget is too small, naming the smallest that works
     */
    static BlockTiers plan(
            MemoryConfig config,
            Ledger ledger,
            BlockOrigin origin,
            SpanRecorder spans,
            Engine.Need need,
            boolean writesBack) {
        BlockTiers tiers = new BlockTiers(config, ledger, origin, spans);
        try {
            tiers.place(need, writesBack);
            return tiers;
        } catch (RuntimeException | Error e) {
            tiers.close();
            throw e;
        }
    }

    private void place(Engine.Need need, boolean writesBack) {
        tierPlan =
                TierPlan.of(
                        needs(config, origin, device.unifiedMemory(), need, writesBack),
                        budgets(ledger).withDevice(device.capacityBytes()));
        placement = tierPlan.placement();
    }

    /** What has to be placed. */
    static TierPlan.Needs needs(
            MemoryConfig config,
            BlockOrigin origin,
            boolean unified,
            Engine.Need need,
            boolean writesBack) {
        return new TierPlan.Needs(
                origin.blockBytes(),
                origin.layout().visits(),
                need,
                unified,
                config.overlap() ? config.prefetch() : 0,
                writesBack,
                origin.isStoredAsNeeded());
    }

    /** What it may take. */
    static TierPlan.Budgets budgets(Ledger ledger) {
        return new TierPlan.Budgets(
                ledger.budget(Tier.HOST), ledger.budget(Tier.DEVICE), ledger.budget(Tier.NVME));
    }

    Placement placement() {
        return placement;
    }

    /** What the store of changed blocks will take on its drive; 0 where there is none. */
    long storeBytes() {
        return tierPlan.storeBytes();
    }

    /** What was decided. */
    TierPlan tierPlan() {
        return tierPlan;
    }

    /** What computes. */
    Device device() {
        return device;
    }

    /** Pinned host memory. */
    HostMemory hostMemory() {
        return host;
    }

    /** Where scratch memory comes from: the memory that the device computes on. */
    HostMemory scratchMemory() {
        return scratchMemory;
    }

    /**
     * Allocates slots, opens files, loads what stays.
     *
     * @param folder where the block store is to be, should blocks have to leave memory; empty for a
     *     run that changes none
     * @param firstStep the step that spans are counted from
     */
    BlockFeed start(Optional<StoreFolder> folder, long firstStep) {
        boolean streams = placement.homes().contains(Tier.NVME);
        if (tierPlan.isResident()) {
            feed =
                    own(
                            new ResidentFeed(
                                    origin.layout().blocks(),
                                    host,
                                    origin::load,
                                    origin.foldedThrough()));
            return feed;
        }
        FeedOptions options =
                new FeedOptions(config.overlap(), FeedOptions.DEFAULT_STALL_LIMIT, firstStep);
        FeedPorts ports = streams ? streamingPorts(folder) : residentPorts();
        pipeline = own(new PipelinedFeed(placement, ports, options));
        feed = pipeline;
        return feed;
    }

    private FeedPorts residentPorts() {
        return new FeedPorts(
                host, devicePort(), origin.converting(), Optional.empty(), step -> {}, spans);
    }

    /** The drive as it is, or with the faults that a rehearsal asks for. */
    private FileIo drive(Path folder) {
        FileIo drive = FileIo.open(folder, TierPlan.ioOptions(ledger.budget(Tier.HOST)));
        String faults = System.getProperty(FaultPlan.PROPERTY);
        if (faults == null) {
            return drive;
        }
        try {
            return new FaultyFileIo(drive, FaultPlan.parse(faults));
        } catch (BadInputException e) {
            drive.close();
            throw e;
        }
    }

    private FeedPorts streamingPorts(Optional<StoreFolder> folder) {
        // What only reads must leave the model's folder alone, also by the probe of a drive.
        Path place =
                folder.map(StoreFolder::path)
                        .or(config::nvmeDir)
                        .orElse(Path.of(System.getProperty("java.io.tmpdir")));
        io = own(drive(makeFolder(place)));
        BlockSource original = original();
        if (folder.isEmpty()) {
            return new FeedPorts(
                    host,
                    devicePort(),
                    original,
                    Optional.of(new ReadOnlySink()),
                    step -> {},
                    spans);
        }
        storeFolder = folder.get();
        if (!storeFolder.resume()) {
            BlockStore.delete(makeFolder(place));
            makeFolder(place);
        }
        StoreConfig store = StoreConfig.of(place, origin.blockBytes(), storeFolder.fingerprint());
        BlockStore blocks = own(BlockStore.open(store, io, host));
        return new FeedPorts(
                host,
                devicePort(),
                new LayeredSource(blocks, original),
                Optional.of(BlockSink.of(blocks)),
                storeFolder.journal(),
                spans);
    }

    private BlockSource original() {
        if (!origin.isStoredAsNeeded()) {
            return origin.converting();
        }
        OriginalReader reader = origin.direct(io, host);
        return own(reader);
    }

    private Optional<DevicePort> devicePort() {
        return device.unifiedMemory() ? Optional.empty() : Optional.of(DevicePort.of(device));
    }

    /**
     * Brings every changed block to the store, durably.
     *
     * @return false where there is no store, because everything lies in memory
     */
    boolean flushStore() {
        if (storeFolder == null) {
            return false;
        }
        pipeline.flush();
        return true;
    }

    /** Says that the run is over and its model saved: closing then removes the store. */
    void discardStore() {
        discardStore = true;
    }

    /** Where blocks lie and what moves them, in one line. */
    String describe() {
        long resident = placement.homes().stream().filter(home -> home != Tier.NVME).count();
        String where =
                resident == placement.homes().size()
                        ? "all blocks in memory"
                        : String.format(
                                "%d of %d blocks in memory, %s read a step, %d ahead, by %s",
                                resident,
                                placement.homes().size(),
                                ByteSize.format(placement.nvmeBytesPerStep()),
                                placement.prefetch(),
                                io.path().describe());
        String pins = host.pinReport().describe();
        return "device " + device.describe() + ", " + where + (pins.isEmpty() ? "" : "; " + pins);
    }

    private <T extends AutoCloseable> T own(T resource) {
        owned.push(resource);
        return resource;
    }

    private static Path makeFolder(Path folder) {
        try {
            return Files.createDirectories(folder);
        } catch (IOException e) {
            throw new BadInputException(
                    "--nvme-dir",
                    folder + " cannot be made (" + e.getMessage() + ")",
                    "give a folder on a drive that can be written");
        }
    }

    @Override
    public void close() {
        RuntimeException failure = null;
        while (!owned.isEmpty()) {
            try {
                owned.pop().close();
            } catch (Exception e) {
                RuntimeException next =
                        e instanceof RuntimeException unchecked
                                ? unchecked
                                : new UncheckedIOException(new IOException(e));
                if (failure == null) {
                    failure = next;
                } else {
                    failure.addSuppressed(next);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
        if (discardStore && storeFolder != null) {
            BlockStore.delete(storeFolder.path());
        }
    }
}
