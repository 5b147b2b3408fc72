package io.millrace.memory.nvme;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.Ledger;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.Tier;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.io.Fault;
import io.millrace.memory.nvme.io.FaultPlan;
import io.millrace.memory.nvme.io.FaultyFileIo;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.memory.slice.RingFolder;
import io.millrace.memory.slice.RingShape;
import io.millrace.memory.slice.SliceRing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Workers of one host that read slices for each other, from files of their own and from shared. */
@ExtendWith(SeedExtension.class)
@Timeout(120)
final class SlicedSourcesTest {
    private static final int BLOCKS = 5;
    private static final int PIECE = 8192;
    private static final IoOptions OPTIONS = IoOptions.defaults().withPieces(PIECE, 3);

    @TempDir Path folder;
    private final Ledger ledger = Ledger.unlimited();
    private final HostMemory memory = new HostMemory(ledger);
    private final OwnedResources owned = new OwnedResources();
    private final List<byte[]> contents = new ArrayList<>();

    @AfterEach
    void nothingStaysOpen() {
        owned.close();
        memory.requireNoneOpen();
        assertThat(ledger.inUse(Tier.HOST)).isZero();
    }

    private List<SliceRing> rings(int workers, Duration silence) throws IOException {
        List<SliceRing> rings = RingFolder.of(RingShape.beside(workers, PIECE, 3), ledger, silence);
        rings.forEach(owned::own);
        return rings;
    }

    private FileIo drive() {
        return owned.own(FileIo.open(folder, OPTIONS));
    }

    /** A file of blocks whose tensors lie at odd places. */
    private List<List<FileExtent>> model(Random random) throws IOException {
        Path path = folder.resolve("model.safetensors");
        byte[] file = new byte[BLOCKS * 120_000];
        random.nextBytes(file);
        Files.write(path, file);
        List<List<FileExtent>> blocks = new ArrayList<>();
        int at = 1 + random.nextInt(500);
        for (int block = 0; block < BLOCKS; block++) {
            int size = 20_000 + random.nextInt(90_000);
            byte[] content = new byte[size];
            System.arraycopy(file, at, content, 0, size);
            contents.add(content);
            CRC32C crc = new CRC32C();
            crc.update(content);
            blocks.add(
                    List.of(
                            new FileExtent(
                                    path, at, size, 0, OptionalInt.of((int) crc.getValue()))));
            at += size + 64;
        }
        return blocks;
    }

    private OriginalReader originals(List<List<FileExtent>> blocks, FileIo io) {
        List<Long> sizes = blocks.stream().map(one -> one.getFirst().sizeBytes()).toList();
        return owned.own(new OriginalReader(blocks, sizes, io, memory));
    }

    /** A worker's store, with the same blocks as any other's, but for where they lie. */
    private BlockStore store(int worker, FileIo io, Random order) throws IOException {
        List<Long> sizes = contents.stream().map(one -> (long) one.length).toList();
        Path place = Files.createDirectories(folder.resolve("store-" + worker));
        BlockStore store = owned.own(BlockStore.open(StoreConfig.of(place, sizes, 5), io, memory));
        for (int turn = 0; turn < 3; turn++) {
            write(store, order.nextInt(BLOCKS), 1);
        }
        for (int block = 0; block < BLOCKS; block++) {
            write(store, block, 2);
        }
        return store;
    }

    private void write(BlockStore store, int block, long version) {
        try (HostSlab slab = memory.allocate("block", contents.get(block).length)) {
            slab.segment().copyFrom(java.lang.foreign.MemorySegment.ofArray(contents.get(block)));
            store.write(block, slab.segment(), version);
        }
    }

    private void requireBlock(BlockRead read, int block, HostSlab slab) {
        slab.segment().fill((byte) 0xEE);
        read.start(block, slab.segment());
        read.await();
        assertThat(slab.segment().asSlice(0, contents.get(block).length).toArray(JAVA_BYTE))
                .as("block %d", block)
                .isEqualTo(contents.get(block));
    }

    /** Reads passes of all blocks, resting and leaving as chance has it. */
    private void drift(BlockSource source, SliceRing ring, int passes, Random random) {
        try (BlockRead read = source.newRead();
                HostSlab slab = memory.allocate("a block", 120_000)) {
            for (int pass = 0; pass < passes; pass++) {
                if (random.nextInt(6) == 0) {
                    ring.leave();
                } else {
                    ring.attend();
                }
                for (int block = 0; block < BLOCKS; block++) {
                    if (random.nextInt(5) == 0) {
                        rest(random);
                    }
                    if (random.nextInt(8) > 0) {
                        requireBlock(read, block, slab);
                    }
                }
            }
        } finally {
            ring.leave();
        }
    }

    private static void rest(Random random) {
        try {
            TimeUnit.MICROSECONDS.sleep(random.nextInt(4000));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void all(List<Runnable> work) throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(work.size())) {
            List<Future<?>> ends = new ArrayList<>();
            work.forEach(one -> ends.add(threads.submit(one)));
            for (Future<?> end : ends) {
                end.get();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 5})
    void whoeverIsAheadOrBehindEachReadsWhatIsInTheFile(int workers, @Seed long seed)
            throws Exception {
        Random random = new Random(seed);
        List<List<FileExtent>> blocks = model(random);
        List<SliceRing> rings = rings(workers, Duration.ofSeconds(3));
        List<Runnable> work = new ArrayList<>();
        for (SliceRing ring : rings) {
            OriginalReader reader = originals(blocks, drive());
            Random own = new Random(random.nextLong());
            work.add(() -> drift(new SlicedOriginals(reader, ring), ring, 30, own));
        }
        all(work);
        assertThat(rings.stream().mapToLong(ring -> ring.bytes().peers()).sum()).isPositive();
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 4})
    void storesOfTheirOwnGiveEachOtherTheSameBlocks(int workers, @Seed long seed) throws Exception {
        Random random = new Random(seed);
        model(random);
        List<SliceRing> rings = rings(workers, Duration.ofSeconds(3));
        List<Runnable> work = new ArrayList<>();
        for (SliceRing ring : rings) {
            FileIo io = drive();
            Random own = new Random(random.nextLong());
            BlockStore store = store(ring.rank(), io, own);
            BlockSource source = new SlicedStore(store, ring, OPTIONS, memory);
            work.add(() -> drift(source, ring, 30, own));
        }
        all(work);
        assertThat(rings.stream().mapToLong(ring -> ring.bytes().peers()).sum()).isPositive();
    }

    @Test
    void inStepTheDriveIsReadOnceForAll() throws Exception {
        List<List<FileExtent>> blocks = model(new Random(4));
        List<SliceRing> rings = rings(2, Duration.ofMinutes(3));
        List<Runnable> work = new ArrayList<>();
        rings.forEach(SliceRing::attend);
        for (SliceRing ring : rings) {
            OriginalReader reader = originals(blocks, drive());
            work.add(() -> passes(new SlicedOriginals(reader, ring), 20));
        }
        all(work);
        long once = 20 * chunkBytes(originals(blocks, drive()));
        long drive = rings.stream().mapToLong(ring -> ring.bytes().drive()).sum();
        long peers = rings.stream().mapToLong(ring -> ring.bytes().peers()).sum();
        // The ring holds some of a pass for the next: less may be read than once a pass.
        assertThat(drive).isLessThanOrEqualTo(once);
        assertThat(peers).isPositive();
    }

    private void passes(BlockSource source, int count) {
        try (BlockRead read = source.newRead();
                HostSlab slab = memory.allocate("a block", 120_000)) {
            for (int pass = 0; pass < count; pass++) {
                for (int block = 0; block < BLOCKS; block++) {
                    requireBlock(read, block, slab);
                }
            }
        }
    }

    private static long chunkBytes(OriginalReader reader) {
        long bytes = 0;
        for (int block = 0; block < BLOCKS; block++) {
            for (PieceStaging.Chunk chunk : reader.plan(block).pieces().chunks()) {
                bytes += chunk.required();
            }
        }
        return bytes;
    }

    @Test
    void whatAnotherHasReadWronglyIsReadAgainAndNotPassedOn() throws Exception {
        List<List<FileExtent>> blocks = model(new Random(9));
        List<SliceRing> rings = rings(2, Duration.ofSeconds(20));
        rings.forEach(SliceRing::attend);
        FileIo faulty =
                owned.own(
                        new FaultyFileIo(
                                FileIo.open(folder, OPTIONS),
                                FaultPlan.none(1).with(Fault.BIT_FLIP, 1).withLimit(1)));
        OriginalReader bad = originals(blocks, faulty);
        OriginalReader good = originals(blocks, drive());
        all(
                List.of(
                        () -> passes(new SlicedOriginals(bad, rings.get(0)), 2),
                        () -> passes(new SlicedOriginals(good, rings.get(1)), 2)));
    }

    @Test
    void whoeverHangsCostsOthersItsSilenceOnce() throws Exception {
        List<List<FileExtent>> blocks = model(new Random(2));
        List<SliceRing> rings = rings(2, Duration.ofMillis(300));
        rings.forEach(SliceRing::attend);
        OriginalReader reader = originals(blocks, drive());
        OriginalReader other = originals(blocks, drive());
        try (BlockRead hangs = new SlicedOriginals(other, rings.get(1)).newRead()) {
            try (HostSlab slab = memory.allocate("a block", 120_000)) {
                hangs.start(0, slab.segment());
                long beganNs = System.nanoTime();
                passes(new SlicedOriginals(reader, rings.get(0)), 2);
                long tookMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - beganNs);
                assertThat(tookMs).isBetween(250L, 60_000L);
            }
        }
    }
}
