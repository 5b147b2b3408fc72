package io.millrace.prefetch;

import io.millrace.memory.Ledger;
import io.millrace.memory.Tier;
import io.millrace.memory.device.CudaDevice;
import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceEvent;
import io.millrace.memory.device.DeviceName;
import io.millrace.memory.device.DeviceOptions;
import io.millrace.memory.device.Devices;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.BlockRead;
import io.millrace.memory.nvme.BlockSource;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.memory.nvme.LayeredSource;
import io.millrace.memory.nvme.StoreConfig;
import io.millrace.memory.nvme.io.FaultPlan;
import io.millrace.memory.nvme.io.FaultyFileIo;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.telemetry.SpanRecorder;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/** A small model on real files behind a feed, with hooks where tests break or delay things. */
final class FeedRig implements AutoCloseable {
    static final List<Long> SIZES = List.of(20_032L, 9_024L, 9_024L, 9_024L, 9_024L, 9_024L);
    static final List<Integer> TIED = List.of(0, 1, 2, 3, 4, 5, 0);
    static final List<Integer> UNTIED = List.of(0, 1, 2, 3, 4, 5);

    final Ledger ledger = Ledger.unlimited();
    final Device device;
    final HostMemory host;
    final FaultyFileIo io;
    final BlockStore store;
    final SpanRecorder spans = new SpanRecorder();
    final AtomicLong journalThrough = new AtomicLong(Long.MAX_VALUE);
    final AtomicLong journalAsked = new AtomicLong();
    final AtomicLong reads = new AtomicLong();
    final AtomicLong writes = new AtomicLong();
    final AtomicLong uploads = new AtomicLong();
    final AtomicLong downloads = new AtomicLong();
    Runnable beforeRead = () -> {};
    Consumer<Runnable> duringRead = progress -> {};
    Runnable beforeWrite = () -> {};
    Runnable beforeUpload = () -> {};
    Runnable beforeDownload = () -> {};

    /** Whether what a lane copied away is overwritten: where nothing that stays is copied. */
    boolean spoilsDownloads = true;

    PipelinedFeed feed;

    FeedRig(Path folder) {
        this(folder, DeviceName.EMULATED);
    }

    FeedRig(Path folder, DeviceName name) {
        device = Devices.open(name, ledger, DeviceOptions.defaults());
        host = new HostMemory(ledger, Tier.HOST, device.pinning());
        IoOptions options = IoOptions.defaults().withPieces(8192, 2);
        io = new FaultyFileIo(FileIo.open(folder, options), FaultPlan.none(1));
        store = BlockStore.open(new StoreConfig(folder, SIZES, 42, 1 << 16), io, host);
    }

    /** Waits some of the time, for up to a fifth of a millisecond. */
    static Runnable pauses(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        return () -> {
            long pause;
            synchronized (random) {
                pause = random.nextInt(3) == 0 ? random.nextLong(200_000) : 0;
            }
            if (pause > 0) {
                LockSupport.parkNanos(pause);
            }
        };
    }

    void pauseEverything(long seed) {
        beforeRead = pauses(seed);
        beforeWrite = pauses(seed + 1);
        beforeUpload = pauses(seed + 2);
        beforeDownload = pauses(seed + 3);
    }

    Placement place(List<Integer> visits, long hostBytes, long deviceBytes, int prefetch) {
        return (Placement)
                Placement.plan(
                        new PlacementRequest(
                                SIZES, visits, hostBytes, deviceBytes, prefetch, true));
    }

    PipelinedFeed start(Placement placement, FeedOptions options) {
        Optional<DevicePort> device =
                placement.request().isUnified() ? Optional.empty() : Optional.of(new Port());
        BlockSource source = new Watched(new LayeredSource(List.of(store, new Base())));
        FeedPorts ports =
                new FeedPorts(
                        host, device, source, Optional.of(new Sink()), this::awaitJournal, spans);
        feed = new PipelinedFeed(placement, ports, options);
        return feed;
    }

    private void awaitJournal(long step) {
        journalAsked.accumulateAndGet(step, Math::max);
        while (journalThrough.get() < step) {
            if (Thread.interrupted()) {
                throw new IllegalStateException("the journal was given up");
            }
            LockSupport.parkNanos(100_000);
        }
    }

    /**
     * Runs whole passes as a tuning loop does: each visit looks at every byte, and the first of a
     * block in a folding step changes every byte.
     *
     * @return what was seen
     */
    static long tune(BlockFeed feed, List<Integer> visits, long first, long last, int foldEvery) {
        return tune(feed, visits, first, last, foldEvery, 17);
    }

    /** The same, going on from what was seen before. */
    static long tune(
            BlockFeed feed,
            List<Integer> visits,
            long first,
            long last,
            int foldEvery,
            long seenBefore) {
        long seen = seenBefore;
        for (long step = first; step <= last; step++) {
            for (int block : visits) {
                try (BlockLease lease = feed.acquire(block)) {
                    if (step % foldEvery == 0 && lease.foldedThrough() < step) {
                        fold(lease.weights(), step, block);
                        lease.markFolded(step, true);
                    }
                    seen = 31 * (31 * seen + digest(lease.weights())) + lease.foldedThrough();
                }
            }
        }
        return seen;
    }

    static void fold(MemorySegment bytes, long step, int block) {
        for (long i = 0; i < bytes.byteSize(); i += Long.BYTES) {
            long old = bytes.get(ValueLayout.JAVA_LONG, i);
            bytes.set(
                    ValueLayout.JAVA_LONG, i, old * 6364136223846793005L + step * 1009 + block + i);
        }
    }

    static long digest(MemorySegment bytes) {
        long digest = bytes.byteSize();
        for (long i = 0; i < bytes.byteSize(); i += Long.BYTES) {
            digest = 31 * digest + bytes.get(ValueLayout.JAVA_LONG, i);
        }
        return digest;
    }

    static void fillBase(int block, MemorySegment target) {
        SplittableRandom random = new SplittableRandom(block);
        for (long i = 0; i < SIZES.get(block); i += Long.BYTES) {
            target.set(ValueLayout.JAVA_LONG, i, random.nextLong());
        }
    }

    /** What the same loop sees on plain arrays. */
    static long expected(List<Integer> visits, long last, int foldEvery) {
        return tune(new ArrayFeed(), visits, 1, last, foldEvery);
    }

    /** Blocks in the heap, one copy each. */
    static final class ArrayFeed implements BlockFeed {
        private final long[] version = new long[SIZES.size()];
        private final List<MemorySegment> blocks =
                IntStream.range(0, SIZES.size())
                        .mapToObj(block -> {
                            long longs = SIZES.get(block) / Long.BYTES;
                            MemorySegment bytes = MemorySegment.ofArray(new long[(int) longs]);
                            fillBase(block, bytes);
                            return bytes;
                        })
                        .toList();

        @Override
        public void begin(VisitPlan plan, VisitPlan next) {
            // Every block is there whatever comes.
        }

        @Override
        public BlockLease acquire(int block) {
            return new BlockLease() {
                @Override
                public MemorySegment weights() {
                    return blocks.get(block);
                }

                @Override
                public long foldedThrough() {
                    return version[block];
                }

                @Override
                public void markFolded(long throughStep, boolean changed) {
                    version[block] = throughStep;
                }

                @Override
                public void close() {}
            };
        }

        @Override
        public void close() {}
    }

    /** The model as it was before tuning. */
    static final class Base implements BlockSource {
        @Override
        public long version(int block) {
            return 0;
        }

        @Override
        public long blockBytes(int block) {
            return SIZES.get(block);
        }

        @Override
        public BlockRead newRead() {
            return new BlockRead() {
                @Override
                public void start(int block, MemorySegment target) {
                    fillBase(block, target);
                }

                @Override
                public long await() {
                    return 0;
                }

                @Override
                public void close() {}
            };
        }
    }

    private final class Watched implements BlockSource {
        private final BlockSource inner;

        Watched(BlockSource inner) {
            this.inner = inner;
        }

        @Override
        public long version(int block) {
            return inner.version(block);
        }

        @Override
        public long blockBytes(int block) {
            return inner.blockBytes(block);
        }

        @Override
        public BlockRead newRead() {
            BlockRead read = inner.newRead();
            return new BlockRead() {
                private Runnable progress;

                @Override
                public void onProgress(Runnable heard) {
                    progress = heard;
                    read.onProgress(heard);
                }

                @Override
                public void start(int block, MemorySegment target) {
                    reads.incrementAndGet();
                    beforeRead.run();
                    target.fill((byte) 0xA5);
                    read.start(block, target);
                }

                @Override
                public long await() {
                    duringRead.accept(progress);
                    return read.await();
                }

                @Override
                public void close() {
                    read.close();
                }
            };
        }
    }

    private final class Sink implements BlockSink {
        private final BlockSink inner = BlockSink.of(store);

        @Override
        public Writer newWriter() {
            Writer writer = inner.newWriter();
            return new Writer() {
                @Override
                public void write(int block, MemorySegment source, long version) {
                    writes.incrementAndGet();
                    beforeWrite.run();
                    writer.write(block, source, version);
                }

                @Override
                public void close() {
                    writer.close();
                }
            };
        }

        @Override
        public void sync() {
            inner.sync();
        }
    }

    /** The emulated device; what a lane copied away from it is overwritten. */
    private final class Port implements DevicePort {
        private final DevicePort inner = DevicePort.of(device);

        @Override
        public Region allocate(String purpose, long sizeBytes) {
            return inner.allocate(purpose, sizeBytes);
        }

        @Override
        public DeviceEvent newEvent() {
            return inner.newEvent();
        }

        @Override
        public void upload(MemorySegment from, Region to, CopyTimes times) {
            uploads.incrementAndGet();
            beforeUpload.run();
            inner.upload(from, to, times);
        }

        @Override
        public void download(Region from, MemorySegment to, CopyTimes times) {
            downloads.incrementAndGet();
            beforeDownload.run();
            inner.download(from, to, times);
            boolean addressable = !(device instanceof CudaDevice);
            if (spoilsDownloads
                    && addressable
                    && Thread.currentThread().getName().equals("millrace-d2h")) {
                // The lane gives the slot back; a flush leaves it to whom it belongs.
                from.segment().fill((byte) 0x5A);
            }
        }
    }

    /** Closes everything and fails where something was not given back. */
    @Override
    public void close() {
        if (feed != null) {
            feed.close();
        }
        store.close();
        io.close();
        host.requireNoneOpen();
        device.close();
    }
}
