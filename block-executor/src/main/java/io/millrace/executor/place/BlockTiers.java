package io.millrace.executor.place;

import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.ByteSize;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.Tier;
import io.millrace.memory.device.Device;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.Pinning;
import io.millrace.memory.nvme.BlockSource;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.memory.nvme.LayeredSource;
import io.millrace.memory.nvme.OriginalReader;
import io.millrace.memory.nvme.RowSource;
import io.millrace.memory.nvme.SlicedOriginals;
import io.millrace.memory.nvme.SlicedStore;
import io.millrace.memory.nvme.SpillFile;
import io.millrace.memory.nvme.StoreSyncer;
import io.millrace.memory.nvme.SyncCadence;
import io.millrace.memory.nvme.io.FaultPlan;
import io.millrace.memory.nvme.io.FaultyFileIo;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.memory.slice.SliceBytes;
import io.millrace.memory.slice.SliceRing;
import io.millrace.model.ModelLayout;
import io.millrace.prefetch.BlockFeed;
import io.millrace.prefetch.BlockSink;
import io.millrace.prefetch.DevicePort;
import io.millrace.prefetch.FeedOptions;
import io.millrace.prefetch.FeedPorts;
import io.millrace.prefetch.PipelinedFeed;
import io.millrace.prefetch.Placement;
import io.millrace.prefetch.ResidentFeed;
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

    private final PlannedTiers plan;
    private final Optional<StoreFolder> storeFolder;
    private final HostMemory host;
    private final HostMemory scratchMemory;
    private final BlockFeed feed;
    private final Optional<PipelinedFeed> pipeline; // empty where nothing ever moves
    private final Optional<FileIo> io; // empty where blocks do not stream
    private final Optional<BlockStore> store; // empty where none leaves memory
    private final Optional<RowSource> rows; // of a table that lies in no block
    private Optional<StoreSyncer> syncer = Optional.empty();
    private long nextSettleNs;
    private boolean discardStore;

    /**
     * Allocates slots, opens files, loads what stays.
     *
     * @param plan owns what is taken here, also when this fails
     * @param storeFolder where the block store is to be, should blocks have to leave memory; empty
     *     for a run that changes none
     * @param firstStep the step that spans are counted from
     */
    BlockTiers(PlannedTiers plan, Optional<StoreFolder> storeFolder, long firstStep) {
        this.plan = plan;
        this.storeFolder = storeFolder;
        host = new HostMemory(plan.ledger(), Tier.HOST, plan.device().pinning());
        scratchMemory =
                plan.device().unifiedMemory()
                        ? host
                        : new HostMemory(plan.ledger(), Tier.DEVICE, Pinning.mlock());
        rows = plan.origin().layout().panels().alone().map(this::openRows);
        if (plan.tierPlan().isResident()) {
            io = Optional.empty();
            store = Optional.empty();
            pipeline = Optional.empty();
            try (RunStore.Earlier earlier = earlier()) {
                BlockSource source = layered(earlier.store(), plan.origin().converting());
                List<BlockLayout> blocks = plan.origin().layout().blocks();
                feed = plan.own(new ResidentFeed(blocks, host, source::read));
            }
            return;
        }
        io = streams() ? Optional.of(openDrive()) : Optional.empty();
        store = io.flatMap(this::openStore);
        FeedPorts ports = io.isPresent() ? streamingPorts(io.get()) : residentPorts();
        FeedOptions options =
                new FeedOptions(
                        plan.config().overlap(), FeedOptions.DEFAULT_STALL_LIMIT, firstStep);
        PipelinedFeed moving = plan.own(new PipelinedFeed(placement(), ports, options));
        pipeline = Optional.of(moving);
        feed = moving;
    }

    /** Brings the blocks. */
    BlockFeed feed() {
        return feed;
    }

    /** Brings rows of the table that lies in no block, where there is one. */
    Optional<RowSource> rows() {
        return rows;
    }

    /** What only reads a file leaves its folder alone, also by the probe of a drive. */
    private RowSource openRows(TensorSlot table) {
        Path place = plan.config().nvmeDir().orElse(Path.of(System.getProperty("java.io.tmpdir")));
        FileIo drive = plan.own(drive(RunStore.makeFolder(place)));
        return plan.own(
                new LookedUpRows(
                        plan.origin(),
                        table,
                        drive,
                        host,
                        plan.spans(),
                        !plan.device().unifiedMemory()));
    }

    public Placement placement() {
        return plan.tierPlan().placement();
    }

    /** What was decided. */
    public TierPlan tierPlan() {
        return plan.tierPlan();
    }

    /** What computes. */
    public Device device() {
        return plan.device();
    }

    /** Pinned host memory. */
    HostMemory hostMemory() {
        return host;
    }

    /** Where scratch memory comes from: the memory that the device computes on. */
    HostMemory scratchMemory() {
        return scratchMemory;
    }

    private boolean streams() {
        return placement().homes().contains(Tier.NVME);
    }

    private RunStore.Earlier earlier() {
        return storeFolder
                .map(folder -> RunStore.Earlier.open(folder, this::drive, plan.origin().sizes()))
                .orElseGet(() -> new RunStore.Earlier(Optional.empty(), Optional.empty()));
    }

    /** Where blocks are read, with others where there are such. */
    private BlockSource shared(BlockStore changed, FileIo drive) {
        return plan.slices().isPresent()
                ? new SlicedStore(changed, plan.slices().get(), drive.options(), host)
                : changed;
    }

    private static BlockSource layered(
            Optional<? extends BlockSource> store, List<BlockSource> beneath) {
        List<BlockSource> layers = new ArrayList<>();
        store.ifPresent(layers::add);
        layers.addAll(beneath);
        return new LayeredSource(layers);
    }

    private FeedPorts residentPorts() {
        BlockSource source = layered(plan.own(earlier()).store(), plan.origin().converting());
        return new FeedPorts(
                host, devicePort(), source, Optional.empty(), step -> {}, plan.spans());
    }

    /** The drive as it is, or with the faults that a rehearsal asks for. */
    private FileIo drive(Path folder) {
        FileIo drive = FileIo.open(folder, IoOptions.beside(plan.ledger().budget(Tier.HOST)));
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

    private FileIo openDrive() {
        return plan.own(drive(driveFolder()));
    }

    /** What only reads must leave the model's folder alone, also by the probe of a drive. */
    private Path driveFolder() {
        return RunStore.makeFolder(
                storeFolder
                        .map(StoreFolder::path)
                        .or(plan.config()::nvmeDir)
                        .orElse(Path.of(System.getProperty("java.io.tmpdir"))));
    }

    /**
     * Where values are set aside within a step; empty where nothing is.
     *
     * @param areas bytes of each
     */
    Optional<SpillFile> openSpills(List<Long> areas) {
        if (areas.isEmpty()) {
            return Optional.empty();
        }
        FileIo drive = io.orElseGet(this::openDrive);
        return Optional.of(plan.own(new SpillFile(drive, driveFolder(), host, areas)));
    }

    private Optional<BlockStore> openStore(FileIo drive) {
        return storeFolder.map(folder ->
                plan.own(RunStore.open(folder, drive, this::drive, host, plan.origin().sizes())));
    }

    private FeedPorts streamingPorts(FileIo drive) {
        BlockSink sink = store.map(BlockSink::of).orElseGet(BlockSink::readOnly);
        return new FeedPorts(
                host,
                devicePort(),
                layered(store.map(changed -> shared(changed, drive)), originals(drive)),
                Optional.of(sink),
                storeFolder.map(StoreFolder::journal).orElse(step -> {}),
                plan.spans());
    }

    private List<BlockSource> originals(FileIo drive) {
        BlockOrigin origin = plan.origin();
        return origin.isStoredAsNeeded()
                ? List.of(shared(plan.own(origin.direct(drive, host))))
                : origin.converting();
    }

    private BlockSource shared(OriginalReader files) {
        return plan.slices().isPresent() ? new SlicedOriginals(files, plan.slices().get()) : files;
    }

    private Optional<DevicePort> devicePort() {
        return device().unifiedMemory() ? Optional.empty() : Optional.of(DevicePort.of(device()));
    }

    /**
     * Starts to make changes durable beside the run, as far as there is a store: what a kill costs
     * no longer grows with the run.
     */
    public void keepDurable() {
        if (store.isPresent()) {
            syncer = Optional.of(plan.own(StoreSyncer.start(store.get(), SyncCadence.DEFAULT)));
            nextSettleNs = System.nanoTime() + SETTLING.pauseAfter(Duration.ZERO).toNanos();
        }
    }

    /** Says that a pass begins that other workers of this host take as well. */
    public void readWithOthers() {
        plan.slices().ifPresent(SliceRing::attend);
    }

    /** Says that passes come that this worker takes alone. */
    public void readAlone() {
        plan.slices().ifPresent(SliceRing::leave);
    }

    /** Bytes that came by slices, and who has read them; nothing where all are read alone. */
    public SliceBytes sliceBytes() {
        return plan.slices().map(SliceRing::bytes).orElse(SliceBytes.NONE);
    }

    /** Whether changed blocks go to a store: then a run needs no checkpoints to go on. */
    public boolean hasStore() {
        return store.isPresent();
    }

    /**
     * Asks for blocks that stay to be written too, if that is due; called between steps.
     *
     * @return how long the round before took the write lane; zero where nothing was asked for
     */
    public Duration settleIfDue() {
        if (syncer.isEmpty() || System.nanoTime() < nextSettleNs) {
            return Duration.ZERO;
        }
        // The cost of the round before is known by now.
        PipelinedFeed moving = pipeline.orElseThrow();
        Duration took = Duration.ofNanos((long) (moving.settleSeconds() * 1e9));
        moving.settle();
        nextSettleNs = System.nanoTime() + SETTLING.pauseAfter(took).toNanos();
        return took;
    }

    /** How long all syncs of the store took so far, beside the steps. */
    public Duration syncTime() {
        return syncer.map(StoreSyncer::syncTime).orElse(Duration.ZERO);
    }

    /**
     * Brings every changed block to the store, durably.
     *
     * @return false where there is no store, because everything lies in memory
     */
    public boolean flushStore() {
        if (store.isEmpty()) {
            return false;
        }
        pipeline.orElseThrow().flush();
        return true;
    }

    /** Makes what the store has by now durable; nothing where there is none. */
    public void syncStore() {
        store.ifPresent(BlockStore::sync);
    }

    /** Says that a store which the run only began from is not needed any more. */
    public void dropEarlierStore() {
        boolean earlierIsRead = pipeline.isPresent() && io.isEmpty();
        if (store.isEmpty() && !earlierIsRead) {
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
        long resident = placement().homes().stream().filter(home -> home != Tier.NVME).count();
        String where =
                resident == placement().homes().size()
                        ? "all blocks in memory"
                        : String.format(
                                "%d of %d blocks in memory, %s read a step, %d ahead, by %s",
                                resident,
                                placement().homes().size(),
                                ByteSize.format(readEachStep()),
                                placement().prefetch(),
                                io.orElseThrow().path().describe());
        if (plan.tierPlan().spillBytes() > 0) {
            where += ", " + ByteSize.format(plan.tierPlan().spillBytes()) + " set aside in a step";
        }
        if (plan.slices().isPresent()) {
            where += ", in slices with " + plan.slices().get().describe();
        }
        String pins = host.pinReport().describe();
        return "device " + device().describe() + ", " + where + (pins.isEmpty() ? "" : "; " + pins);
    }

    /** Without what a placement has room for and few steps visit. */
    private long readEachStep() {
        ModelLayout layout = plan.origin().layout();
        long seldom =
                layout.panels()
                        .largestSeldom(layout.blocks())
                        .filter(block -> placement().homes().get(block.index()) == Tier.NVME)
                        .map(BlockLayout::sizeBytes)
                        .orElse(0L);
        return placement().nvmeBytesPerStep() - seldom;
    }

    @Override
    public void close() {
        readAlone(); // nobody waits for a lane that is to end, nor that lane for anybody
        plan.close();
        if (discardStore) {
            storeFolder.ifPresent(StoreFolder::remove);
        }
    }
}
