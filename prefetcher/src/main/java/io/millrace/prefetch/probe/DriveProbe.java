package io.millrace.prefetch.probe;

import io.millrace.memory.Ledger;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.BlockRead;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.memory.nvme.BlockWrite;
import io.millrace.memory.nvme.StoreConfig;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.memory.nvme.io.IoPath;
import io.millrace.prefetch.plan.Machine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;

/** A drive through a small block store: what a run's own reads and writes reach, one at a time. */
final class DriveProbe {
    private static final long USUAL_BLOCK_BYTES = 32L << 20;
    private static final int MOST_BLOCKS = 24;
    private static final int FEWEST_BLOCKS = 4;
    private static final int ROUNDS = 3;
    private static final int SYNCS = 15;
    private static final int LINE_BYTES = 300; // of a journal

    private final Path folder;
    private final HostMemory memory = new HostMemory(Ledger.unlimited());
    private final long blockBytes;
    private final int blocks;
    private final long freeBytes;
    private long version;

    /** What was measured, and what moved the bytes. */
    record Result(Machine.Drive drive, IoPath path) {}

    private DriveProbe(Path folder, long freeBytes, long blockBytes) {
        this.folder = folder;
        this.blockBytes = blockBytes;
        this.freeBytes = freeBytes;
        // A quarter of what is free at most: spares double it, and others use the drive too.
        blocks = Math.clamp(freeBytes / 8 / blockBytes, FEWEST_BLOCKS, MOST_BLOCKS);
    }

    /**
     * Measures the drive of a folder, in a folder of its own below it that is removed again.
     *
     * @param parent exists and can be written
     */
    static Result run(Path parent) {
        return run(parent, USUAL_BLOCK_BYTES);
    }

    static Result run(Path parent, long blockBytes) {
        try {
            long free = Files.getFileStore(parent).getUsableSpace();
            Path folder = Files.createTempDirectory(parent, ".millrace-probe-");
            try {
                return new DriveProbe(folder, free, blockBytes).run();
            } finally {
                BlockStore.delete(folder);
                Files.deleteIfExists(folder.resolve("journal"));
                Files.deleteIfExists(folder);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Result run() {
        StoreConfig config = StoreConfig.of(folder, Collections.nCopies(blocks, blockBytes), 1);
        try (FileIo io = FileIo.open(folder, IoOptions.defaults());
                BlockStore store = BlockStore.open(config, io, memory);
                HostSlab one = memory.allocate("probed block", blockBytes);
                HostSlab other = memory.allocate("probed block", blockBytes)) {
            fill(one.segment());
            fill(other.segment());
            long total = blocks * blockBytes;
            writeAll(store, one.segment()); // the first writes meet extents that were never written
            writeAll(store, one.segment());
            readAll(store, other.segment());
            Stopwatch.Rate write =
                    Stopwatch.rate(ROUNDS, total, () -> writeAll(store, one.segment()));
            Stopwatch.Rate read =
                    Stopwatch.rate(ROUNDS, total, () -> readAll(store, other.segment()));
            double[] both = both(store, one.segment(), other.segment());
            return new Result(
                    new Machine.Drive(
                            read.bytesPerSecond(),
                            write.bytesPerSecond(),
                            Math.min(both[0], read.bytesPerSecond()),
                            Math.min(both[1], write.bytesPerSecond()),
                            read.cpuSeconds(),
                            write.cpuSeconds(),
                            syncSeconds(),
                            freeBytes,
                            io.path().describe()),
                    io.path());
        }
    }

    private static void fill(MemorySegment segment) {
        SplittableRandom random = new SplittableRandom(1);
        for (long at = 0; at < segment.byteSize(); at += Long.BYTES) {
            segment.set(ValueLayout.JAVA_LONG, at, random.nextLong());
        }
    }

    private void writeAll(BlockStore store, MemorySegment source) {
        version++;
        try (BlockWrite write = store.newWrite()) {
            for (int block = 0; block < blocks; block++) {
                write.start(block, source, version);
                write.await();
            }
        }
    }

    private void readAll(BlockStore store, MemorySegment target) {
        try (BlockRead read = store.newRead()) {
            for (int block = 0; block < blocks; block++) {
                read.start(block, target);
                read.await();
            }
        }
    }

    /** Rates of reading and writing while both go on, each until the other is done. */
    private double[] both(BlockStore store, MemorySegment source, MemorySegment target) {
        AtomicBoolean written = new AtomicBoolean();
        double[] readRate = new double[1];
        Thread reading =
                Thread.ofPlatform()
                        .name("millrace-probe-read")
                        .start(() -> {
                            long bytes = 0;
                            long begin = System.nanoTime();
                            try (BlockRead read = store.newRead()) {
                                for (int block = 0; !written.get(); block = (block + 1) % blocks) {
                                    read.start(block, target);
                                    read.await();
                                    bytes += blockBytes;
                                }
                            }
                            readRate[0] = bytes / ((System.nanoTime() - begin) / 1e9);
                        });
        double seconds = 0;
        int rounds = 2;
        try {
            for (int round = 0; round < rounds; round++) {
                seconds += Stopwatch.seconds(() -> writeAll(store, source));
            }
        } finally {
            written.set(true);
        }
        join(reading);
        return new double[] {readRate[0], (double) rounds * blocks * blockBytes / seconds};
    }

    /** A line added to a journal and made durable. */
    private double syncSeconds() {
        double[] seconds = new double[SYNCS];
        try (FileChannel journal =
                FileChannel.open(
                        folder.resolve("journal"),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE)) {
            for (int i = 0; i < SYNCS; i++) {
                seconds[i] =
                        Stopwatch.seconds(() -> {
                            try {
                                journal.write(ByteBuffer.allocate(LINE_BYTES));
                                journal.force(false);
                            } catch (IOException e) {
                                throw new UncheckedIOException(e);
                            }
                        });
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return Stopwatch.median(seconds);
    }

    static void join(Thread thread) {
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true; // it uses memory that the caller frees
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
