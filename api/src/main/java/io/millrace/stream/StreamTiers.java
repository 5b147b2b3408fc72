package io.millrace.stream;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.plan.RunForecast;
import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.memory.Ledger;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.Tier;
import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceKind;
import io.millrace.memory.device.DeviceOptions;
import io.millrace.memory.device.Devices;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.BlockSource;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.memory.nvme.LayeredSource;
import io.millrace.memory.nvme.OriginalReader;
import io.millrace.memory.nvme.StoreConfig;
import io.millrace.memory.nvme.StoreSyncer;
import io.millrace.memory.nvme.SyncCadence;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.prefetch.BlockSink;
import io.millrace.prefetch.DevicePort;
import io.millrace.prefetch.FeedOptions;
import io.millrace.prefetch.FeedPorts;
import io.millrace.prefetch.PipelinedFeed;
import io.millrace.prefetch.Placement;
import io.millrace.prefetch.PlacementRefusal;
import io.millrace.prefetch.PlacementRequest;
import io.millrace.telemetry.SpanRecorder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/** Where the blocks of a stream lie, and the pipeline that brings them. */
final class StreamTiers implements AutoCloseable {
    /** As seldom as syncs, and not so often that a short stream notices. */
    private static final SyncCadence SETTLING =
            new SyncCadence(0.0025, Duration.ofSeconds(2), Duration.ofMinutes(1));

    /**
     * What a stream was told.
     *
     * @param memory budgets, folder, device
     * @param writeBack whether blocks may change
     * @param stallLimit how long nothing may move
     */
    record Wishes(MemoryConfig memory, boolean writeBack, Duration stallLimit) {}

    private final OwnedResources owned = new OwnedResources();
    private final Blocks blocks;
    private final MemoryConfig memory;
    private final boolean writesBack;
    private final Ledger ledger;
    private final Optional<BlockStore> store;
    private final BlockSource source;
    private final PipelinedFeed feed;
    private long nextSettleNs;

    /**
     * Allocates what the budgets allow, and opens files.
     *
     * @param folder of the store; empty where none is to be kept
     * @param identity of the store
     */
    StreamTiers(
            Blocks blocks,
            Wishes wishes,
            Optional<Path> folder,
            long identity,
            VisitJournal journal,
            SpanRecorder spans) {
        this.blocks = blocks;
        memory = RunForecast.memory(wishes.memory());
        writesBack = wishes.writeBack();
        ledger = new Ledger(budgets());
        try {
            requireAddressable();
            Device device =
                    owned.own(Devices.open(memory.device(), ledger, DeviceOptions.defaults()));
            Placement placement = placement(device, folder.isPresent());
            HostMemory host = new HostMemory(ledger, Tier.HOST, device.pinning());
            FileIo drive = owned.own(FileIo.open(place(folder), io()));
            store =
                    folder.filter(_ -> writesBack)
                            .map(place ->
                                    owned.own(
                                            BlockStore.open(
                                                    StoreConfig.of(
                                                            place, blocks.sizes(), identity),
                                                    drive,
                                                    host)));
            source = source(drive, host);
            feed =
                    owned.own(
                            new PipelinedFeed(
                                    placement,
                                    new FeedPorts(
                                            host,
                                            device.unifiedMemory()
                                                    ? Optional.empty()
                                                    : Optional.of(DevicePort.of(device)),
                                            source,
                                            sink(),
                                            _ -> journal.force(),
                                            spans),
                                    new FeedOptions(memory.overlap(), wishes.stallLimit(), 1)));
            store.ifPresent(
                    one -> owned.own(StoreSyncer.start(one, SyncCadence.DEFAULT)));
            nextSettleNs = System.nanoTime() + SETTLING.pauseAfter(Duration.ZERO).toNanos();
        } catch (RuntimeException | Error e) {
            try (owned) {
                throw e;
            }
        }
    }

    private Map<Tier, Long> budgets() {
        Map<Tier, Long> budgets = new EnumMap<>(Tier.class);
        memory.hostBudget().ifPresent(bytes -> budgets.put(Tier.HOST, bytes));
        memory.deviceBudget().ifPresent(bytes -> budgets.put(Tier.DEVICE, bytes));
        memory.nvmeBudget().ifPresent(bytes -> budgets.put(Tier.NVME, bytes));
        return budgets;
    }

    private void requireAddressable() {
        DeviceKind kind = memory.device().kind();
        if (!kind.onHostCores()) {
            throw new BadInputException(
                    MemoryConfig.DEVICE.spelled(),
                    "work in Java cannot reach the memory of " + memory.device(),
                    "give cpu or emulated");
        }
        memory.checkDeviceBudget(kind.unifiedMemory());
    }

    private IoOptions io() {
        return IoOptions.beside(ledger.budget(Tier.HOST));
    }

    /** The probe of a drive writes, and must leave alone where the user's own file lies. */
    private static Path place(Optional<Path> folder) {
        return folder.orElse(Path.of(System.getProperty("java.io.tmpdir")));
    }

    /** Host memory that is no block's: staging of files, pages of the store. */
    private long besides(boolean hasFolder) {
        long staging =
                switch (blocks) {
                    case FileBlocks _ -> io().stagingBytes();
                    case FilledBlocks _ -> 0;
                };
        return staging + (hasFolder && writesBack ? BlockStore.bufferBytes(1, 2) : 0);
    }

    private Placement placement(Device device, boolean hasFolder) {
        long besides = besides(hasFolder);
        PlacementRequest request =
                new PlacementRequest(
                        blocks.sizes(),
                        IntStream.range(0, blocks.count()).boxed().toList(),
                        Math.max(0, atMost(Tier.HOST) - besides),
                        device.unifiedMemory() ? PlacementRequest.UNIFIED : atMost(Tier.DEVICE),
                        memory.overlap() ? memory.prefetch() : 0,
                        writesBack);
        Placement placement =
                switch (Placement.plan(request)) {
                    case Placement found -> found;
                    case PlacementRefusal refusal ->
                            throw refusal.toBadInput(
                                    refusal.tier() == Tier.DEVICE
                                            ? MemoryConfig.DEVICE_BUDGET.spelled()
                                            : MemoryConfig.HOST_BUDGET.spelled(),
                                    refusal.tier() == Tier.DEVICE ? 0 : besides);
                };
        if (writesBack && !hasFolder && placement.homes().contains(Tier.NVME)) {
            long all = blocks.sizes().stream().mapToLong(HostMemory::pageBytes).sum() + besides;
            throw new BadInputException(
                    MemoryConfig.HOST_BUDGET.spelled(),
                    "does not hold all blocks, and changed ones have no place to go",
                    "give --nvme-dir, or at least "
                            + all
                            + " ("
                            + ByteSize.formatAtLeast(all)
                            + ")");
        }
        return placement;
    }

    private long atMost(Tier tier) {
        return Math.min(ledger.budget(tier), Long.MAX_VALUE / 4);
    }

    private BlockSource source(FileIo drive, HostMemory host) {
        BlockSource origin =
                switch (blocks) {
                    case FilledBlocks filled -> filled;
                    case FileBlocks file ->
                            owned.own(
                                    new OriginalReader(
                                            file.extents(), file.sizes(), drive, host));
                };
        return store.<BlockSource>map(newer -> new LayeredSource(List.of(newer, origin)))
                .orElse(origin);
    }

    private Optional<BlockSink> sink() {
        if (store.isPresent()) {
            return store.map(BlockSink::of);
        }
        return writesBack ? Optional.empty() : Optional.of(BlockSink.readOnly());
    }

    PipelinedFeed feed() {
        return feed;
    }

    /** The last pass whose change a block has. */
    long version(int block) {
        return source.version(block);
    }

    /** The most bytes of a tier that were taken at once. */
    long peakBytes(Tier tier) {
        return ledger.highWater(tier);
    }

    /** Has blocks that stay written too, if that is due; between passes. */
    void settleIfDue() {
        if (store.isEmpty() || System.nanoTime() < nextSettleNs) {
            return;
        }
        Duration took = Duration.ofNanos((long) (feed.settleSeconds() * 1e9));
        feed.settle();
        nextSettleNs = System.nanoTime() + SETTLING.pauseAfter(took).toNanos();
    }

    /** Sees every change onto the drive; nothing where there is no store. */
    void flush() {
        if (store.isPresent()) {
            feed.flush();
        }
    }

    @Override
    public void close() {
        owned.close();
    }
}
