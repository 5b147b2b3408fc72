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
import io.millrace.memory.nvme.FileIo;
import io.millrace.memory.nvme.IoOptions;
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
import io.millrace.prefetch.PlacementRequest;
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
    /** Beside slots, the store takes a few pages for its manifest and its tails. */
    private static final long STORE_BYTES = 1L << 20;

    private static final long SMALL_BUDGET = 256L << 20;

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
    private Placement placement;
    private long storeBytes;
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
        boolean unified = device.unifiedMemory();
        long scratchOnHost = need.hostBytes() + (unified ? need.deviceBytes() : 0);
        long deviceLeft = unified ? PlacementRequest.UNIFIED : deviceLeft(need.deviceBytes());
        PlacementRequest request =
                new PlacementRequest(
                        origin.blockBytes(),
                        origin.layout().visits(),
                        0,
                        deviceLeft,
                        config.overlap() ? config.prefetch() : 0,
                        writesBack);
        placement =
                plan(request, scratchOnHost)
                        .filter(found -> !found.homes().contains(Tier.NVME))
                        .or(() -> plan(request, scratchOnHost + streamingBytes()))
                        .orElseThrow(() -> refusal(request, scratchOnHost));
        storeBytes =
                writesBack && placement.homes().contains(Tier.NVME)
                        ? StoreConfig.of(Path.of(""), origin.blockBytes(), 0).storeBytes()
                        : 0;
        if (storeBytes > ledger.budget(Tier.NVME)) {
            throw new BadInputException(
                    "--nvme-budget",
                    String.format(
                            "%s does not hold the changed blocks, and --host-budget leaves no room",
                            ByteSize.format(ledger.budget(Tier.NVME))),
                    String.format(
                            "give at least %d (%s), or a larger --host-budget",
                            storeBytes, ByteSize.format(storeBytes)));
        }
    }

    /** What the store of changed blocks will take on its drive; 0 where there is none. */
    long storeBytes() {
        return storeBytes;
    }

    /** The placement beside other things in host memory, where the budget holds one at all. */
    private Optional<Placement> plan(PlacementRequest request, long others) {
        long left = Math.min(ledger.budget(Tier.HOST), Long.MAX_VALUE / 4) - others;
        if (left < 0) {
            return Optional.empty();
        }
        return Placement.plan(request.withBudgets(left, request.deviceBudget()))
                        instanceof Placement found
                ? Optional.of(found)
                : Optional.empty();
    }

    private BadInputException refusal(PlacementRequest request, long scratchOnHost) {
        long everything = request.blockBytes().stream().mapToLong(HostMemory::pageBytes).sum();
        long streaming = Placement.minimumHostBytes(request) + streamingBytes();
        long smallest = scratchOnHost + Math.min(everything, streaming);
        return new BadInputException(
                "--host-budget",
                String.format(
                        "%s does not hold the largest block (%s) beside what this batch needs (%s)",
                        ByteSize.format(ledger.budget(Tier.HOST)),
                        ByteSize.format(origin.layout().largestBlock().sizeBytes()),
                        ByteSize.format(scratchOnHost + streamingBytes())),
                mend(smallest));
    }

    private long deviceLeft(long scratchBytes) {
        long most = Math.min(ledger.budget(Tier.DEVICE), device.capacityBytes());
        long budget = Math.min(most, Long.MAX_VALUE / 4);
        long largest = HostMemory.pageBytes(origin.layout().largestBlock().sizeBytes());
        if (budget < scratchBytes + largest) {
            throw new BadInputException(
                    "--device-budget",
                    String.format(
                            "%s does not hold the largest block (%s) beside what this batch needs (%s)",
                            ByteSize.format(budget),
                            ByteSize.format(largest),
                            ByteSize.format(scratchBytes)),
                    mend(scratchBytes + largest));
        }
        return budget - scratchBytes;
    }

    private static String mend(long smallest) {
        return String.format(
                "give at least %d (%s), or a smaller --micro-batch or --seq-len",
                smallest, ByteSize.format(smallest));
    }

    private long streamingBytes() {
        return ioOptions().stagingBytes() + STORE_BYTES;
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
        if (!streams && device.unifiedMemory()) {
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

    private FeedPorts streamingPorts(Optional<StoreFolder> folder) {
        // What only reads must leave the model's folder alone, also by the probe of a drive.
        Path place =
                folder.map(StoreFolder::path)
                        .or(config::nvmeDir)
                        .orElse(Path.of(System.getProperty("java.io.tmpdir")));
        io = own(FileIo.open(makeFolder(place), ioOptions()));
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

    private IoOptions ioOptions() {
        // Staging for unaligned reads: 8 MiB reach the drive's rate, 1 MiB is enough to go on.
        return ledger.budget(Tier.HOST) < SMALL_BUDGET
                ? IoOptions.defaults().withPieces(256 << 10, 4)
                : IoOptions.defaults();
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
        return "device " + device.name() + ", " + where + (pins.isEmpty() ? "" : "; " + pins);
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
