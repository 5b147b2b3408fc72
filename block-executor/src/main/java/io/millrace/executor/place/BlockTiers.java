package io.millrace.executor.place;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.step.Engine;
import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.memory.Ledger;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.Tier;
import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceOptions;
import io.millrace.memory.device.Devices;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.Pinning;
import io.millrace.memory.nvme.BlockSource;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.memory.nvme.LayeredSource;
import io.millrace.memory.nvme.OriginalReader;
import io.millrace.memory.nvme.StoreSyncer;
import io.millrace.memory.nvme.SyncCadence;
import io.millrace.memory.nvme.io.FaultPlan;
import io.millrace.memory.nvme.io.FaultyFileIo;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.prefetch.BlockFeed;
import io.millrace.prefetch.BlockSink;
import io.millrace.prefetch.DevicePort;
import io.millrace.prefetch.FeedOptions;
import io.millrace.prefetch.FeedPorts;
import io.millrace.prefetch.PipelinedFeed;
import io.millrace.prefetch.Placement;
import io.millrace.prefetch.ResidentFeed;
import io.millrace.telemetry.SpanRecorder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Where a run's blocks lie, as its budgets decide: all in memory, or streamed through host slots
 * from the user's own files and, once they were changed, from the block store.
 */
public final class BlockTiers implements AutoCloseable {
    /**
     * Writing what stays rides on a lane that is idle much of the time, but takes bandwidth and
     * checksums from those that are not: as seldom as syncs, and not so often that it shows in the
     * figures of a short run.
     */
    private static final SyncCadence SETTLING =
            new SyncCadence(0.0025, Duration.ofSeconds(2), Duration.ofMinutes(1));

    private final MemoryConfig config;
    private final Ledger ledger;
    private final BlockOrigin origin;
    private final SpanRecorder spans;
    private final OwnedResources owned = new OwnedResources();
    private final HostMemory host;
    private final Device device;
    private final HostMemory scratchMemory;
    private BlockFeed feed;
    private PipelinedFeed pipeline;
    private TierPlan tierPlan;
    private Placement placement;
    private FileIo io;
    private Optional<StoreFolder> storeFolder = Optional.empty();
    private BlockStore store;
    private StoreSyncer syncer;
    private long nextSettleNs;
    private boolean earlierIsRead;
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

    public Placement placement() {
        return placement;
    }

    /** What the store of changed blocks will take on its drive; 0 where there is none. */
    public long storeBytes() {
        return tierPlan.storeBytes();
    }

    /** What was decided. */
    public TierPlan tierPlan() {
        return tierPlan;
    }

    /** What computes. */
    public Device device() {
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
        storeFolder = folder;
        if (tierPlan.isResident()) {
            try (RunStore.Earlier earlier = earlier()) {
                BlockSource source = layered(earlier.store(), origin.converting());
                feed = own(new ResidentFeed(origin.layout().blocks(), host, source::read));
            }
            return feed;
        }
        FeedOptions options =
                new FeedOptions(config.overlap(), FeedOptions.DEFAULT_STALL_LIMIT, firstStep);
        FeedPorts ports = streams() ? streamingPorts() : residentPorts();
        pipeline = own(new PipelinedFeed(placement, ports, options));
        feed = pipeline;
        return feed;
    }

    private boolean streams() {
        return placement.homes().contains(Tier.NVME);
    }

    private RunStore.Earlier earlier() {
        return storeFolder
                .map(folder -> RunStore.Earlier.open(folder, this::drive, origin.blockBytes()))
                .orElseGet(() -> new RunStore.Earlier(Optional.empty(), Optional.empty()));
    }

    private static BlockSource layered(Optional<BlockStore> store, List<BlockSource> beneath) {
        List<BlockSource> layers = new ArrayList<>();
        store.ifPresent(layers::add);
        layers.addAll(beneath);
        return new LayeredSource(layers);
    }

    private FeedPorts residentPorts() {
        earlierIsRead = true;
        BlockSource source = layered(own(earlier()).store(), origin.converting());
        return new FeedPorts(host, devicePort(), source, Optional.empty(), step -> {}, spans);
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

    private FeedPorts streamingPorts() {
        // What only reads must leave the model's folder alone, also by the probe of a drive.
        Path place =
                storeFolder
                        .map(StoreFolder::path)
                        .or(config::nvmeDir)
                        .orElse(Path.of(System.getProperty("java.io.tmpdir")));
        io = own(drive(RunStore.makeFolder(place)));
        if (storeFolder.isEmpty()) {
            return new FeedPorts(
                    host,
                    devicePort(),
                    layered(Optional.empty(), originals()),
                    Optional.of(new ReadOnlySink()),
                    step -> {},
                    spans);
        }
        List<BlockSource> originals = originals();
        store = own(RunStore.open(storeFolder.get(), io, this::drive, host, origin.blockBytes()));
        return new FeedPorts(
                host,
                devicePort(),
                layered(Optional.of(store), originals),
                Optional.of(BlockSink.of(store)),
                storeFolder.get().journal(),
                spans);
    }

    private List<BlockSource> originals() {
        if (!origin.isStoredAsNeeded()) {
            return origin.converting();
        }
        OriginalReader reader = origin.direct(io, host);
        return List.of(own(reader));
    }

    private Optional<DevicePort> devicePort() {
        return device.unifiedMemory() ? Optional.empty() : Optional.of(DevicePort.of(device));
    }

    /**
     * Starts to make changes durable beside the run, as far as there is a store: what a kill costs
     * no longer grows with the run.
     */
    public void keepDurable() {
        if (store != null) {
            syncer = own(StoreSyncer.start(store, SyncCadence.DEFAULT));
            nextSettleNs = System.nanoTime() + SETTLING.pauseAfter(Duration.ZERO).toNanos();
        }
    }

    /** Whether changed blocks go to a store: then a run needs no checkpoints to go on. */
    public boolean hasStore() {
        return store != null;
    }

    /**
     * Asks for blocks that stay to be written too, if that is due; called between steps.
     *
     * @return how long the round before took the write lane; zero where nothing was asked for
     */
    public Duration settleIfDue() {
        if (syncer == null || System.nanoTime() < nextSettleNs) {
            return Duration.ZERO;
        }
        // The cost of the round before is known by now.
        Duration took = Duration.ofNanos((long) (pipeline.settleSeconds() * 1e9));
        pipeline.settle();
        nextSettleNs = System.nanoTime() + SETTLING.pauseAfter(took).toNanos();
        return took;
    }

    /** How long all syncs of the store took so far, beside the steps. */
    public Duration syncTime() {
        return syncer == null ? Duration.ZERO : syncer.syncTime();
    }

    /**
     * Brings every changed block to the store, durably.
     *
     * @return false where there is no store, because everything lies in memory
     */
    public boolean flushStore() {
        if (store == null) {
            return false;
        }
        pipeline.flush();
        return true;
    }

    /** Makes what the store has by now durable; nothing where there is none. */
    public void syncStore() {
        if (store != null) {
            store.sync();
        }
    }

    /** Says that a store which the run only began from is not needed any more. */
    public void dropEarlierStore() {
        if (store == null && !earlierIsRead) {
            storeFolder.ifPresent(folder -> {
                folder.earlier().ifPresent(BlockStore::delete);
                folder.record().remove();
            });
        }
    }

    /** Says that the run is over and its model saved: closing then removes the store. */
    public void discardStore() {
        discardStore = true;
    }

    /** Where blocks lie and what moves them, in one line. */
    public String describe() {
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
        return owned.own(resource);
    }

    @Override
    public void close() {
        owned.close();
        if (discardStore) {
            storeFolder.ifPresent(BlockTiers::remove);
        }
    }

    private static void remove(StoreFolder folder) {
        if (BlockStore.isStore(folder.path())) {
            BlockStore.delete(folder.path());
        }
        folder.earlier().ifPresent(BlockStore::delete);
        folder.record().remove();
    }
}
