package io.millrace.stream;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.Ledger;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.Tier;
import io.millrace.memory.device.Device;
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
import io.millrace.prefetch.BlockSink;
import io.millrace.prefetch.DevicePort;
import io.millrace.prefetch.FeedOptions;
import io.millrace.prefetch.FeedPorts;
import io.millrace.prefetch.PipelinedFeed;
import io.millrace.telemetry.SpanRecorder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Where the blocks of a stream lie, and the pipeline that brings them. */
final class StreamTiers implements AutoCloseable {
    /** As seldom as syncs, and not so often that a short stream notices. */
    private static final SyncCadence SETTLING =
            new SyncCadence(0.0025, Duration.ofSeconds(2), Duration.ofMinutes(1));

    private final OwnedResources owned = new OwnedResources();
    private final Blocks blocks;
    private final boolean writesBack;
    private final Ledger ledger;
    private final Optional<BlockStore> store;
    private final BlockSource source;
    private final PipelinedFeed feed;
    private long nextSettleNs;

    /**
     * Allocates what the plan says, and opens files.
     *
     * @param identity of the store
     */
    StreamTiers(StreamPlan plan, long identity, VisitJournal journal, SpanRecorder spans) {
        blocks = plan.blocks();
        StreamPlan.Wishes wishes = plan.wishes();
        MemoryConfig memory = wishes.memory();
        writesBack = wishes.writeBack();
        ledger = new Ledger(wishes.budgets());
        try {
            Device device =
                    owned.own(Devices.open(memory.device(), ledger, DeviceOptions.defaults()));
            HostMemory host = new HostMemory(ledger, Tier.HOST, device.pinning());
            FileIo drive = owned.own(FileIo.open(place(wishes.folder()), plan.io()));
            store =
                    wishes.folder()
                            .filter(_ -> writesBack)
                            .map(place ->
                                    owned.own(
                                            BlockStore.open(
                                                    StoreConfig.of(place, blocks.sizes(), identity),
                                                    drive,
                                                    host)));
            source = source(drive, host);
            feed =
                    owned.own(
                            new PipelinedFeed(
                                    plan.placement(),
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
            store.ifPresent(one -> owned.own(StoreSyncer.start(one, SyncCadence.DEFAULT)));
            nextSettleNs = System.nanoTime() + SETTLING.pauseAfter(Duration.ZERO).toNanos();
        } catch (RuntimeException | Error e) {
            try (owned) {
                throw e;
            }
        }
    }

    /** The probe of a drive writes, and must leave alone where the user's own file lies. */
    private static Path place(Optional<Path> folder) {
        return folder.orElse(Path.of(System.getProperty("java.io.tmpdir")));
    }

    private BlockSource source(FileIo drive, HostMemory host) {
        BlockSource origin =
                switch (blocks) {
                    case FilledBlocks filled -> filled;
                    case FileBlocks file ->
                            owned.own(
                                    new OriginalReader(file.extents(), file.sizes(), drive, host));
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
