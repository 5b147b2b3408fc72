package io.millrace.memory.nvme;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.CorruptDataException;
import io.millrace.memory.Ledger;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.Tier;
import io.millrace.memory.TierFullException;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoOptions;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(SeedExtension.class)
final class BlockStoreTest {
    private static final List<Long> SIZES = List.of(300_000L, 70_000L, 70_000L, 64L, 70_000L);
    private static final IoOptions OPTIONS = IoOptions.defaults().withPieces(16 << 10, 4);

    @TempDir Path folder;
    private final Ledger ledger = Ledger.unlimited();
    private final HostMemory memory = new HostMemory(ledger);

    @AfterEach
    void nothingStaysOpen() {
        memory.requireNoneOpen();
        assertThat(ledger.inUse(Tier.NVME)).isZero();
        assertThat(ledger.inUse(Tier.HOST)).isZero();
    }

    private StoreConfig config() {
        return StoreConfig.of(folder, SIZES, 42);
    }

    @Test
    void givesBackTheNewestVersionOfEachBlockOverRandomHistories(@Seed long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        long[] versions = new long[SIZES.size()];
        try (FileIo io = FileIo.open(folder, OPTIONS);
                HostSlab slab = memory.allocate("block", 300_000)) {
            long step = 0;
            for (int opening = 0; opening < 3; opening++) {
                try (BlockStore store = BlockStore.open(config(), io, memory)) {
                    for (int i = 0; i < 60; i++) {
                        int block = random.nextInt(SIZES.size());
                        MemorySegment bytes = slab.segment().asSlice(0, SIZES.get(block));
                        if (random.nextBoolean()) {
                            Patterns.fill(bytes, block, ++step);
                            store.write(block, slab.segment(), step);
                            versions[block] = step;
                        } else if (versions[block] > 0) {
                            slab.segment().fill((byte) 0xEE);
                            assertThat(store.read(block, slab.segment()))
                                    .isEqualTo(versions[block]);
                            assertThat(Patterns.matches(bytes, block, versions[block])).isTrue();
                            requirePoison(slab.segment().asSlice(SIZES.get(block)));
                        }
                        assertThat(store.version(block)).isEqualTo(versions[block]);
                    }
                    store.sync();
                }
            }
        }
    }

    @Test
    void givesTheBeginningOfABlockAloneAndHoldsItToItsOwnChecksum(@Seed long seed)
            throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        List<Long> heads = SIZES.stream().map(bytes -> 1 + random.nextLong(bytes)).toList();
        try (FileIo io = FileIo.open(folder, OPTIONS);
                HostSlab slab = memory.allocate("block", 300_000)) {
            for (int opening = 0; opening < 2; opening++) {
                try (BlockStore store = BlockStore.open(config().withHeads(heads), io, memory);
                        BlockRead read = store.newRead()) {
                    for (int block = 0; block < SIZES.size(); block++) {
                        MemorySegment bytes = slab.segment().asSlice(0, SIZES.get(block));
                        if (opening == 0) {
                            Patterns.fill(bytes, block, 7);
                            store.write(block, slab.segment(), 7);
                        }
                        byte[] head = new byte[Math.toIntExact(heads.get(block))];
                        Patterns.fill(bytes, block, 7);
                        MemorySegment.copy(bytes, JAVA_BYTE, 0, head, 0, head.length);
                        slab.segment().fill((byte) 0xEE);
                        read.startHead(block, slab.segment());
                        assertThat(read.await()).isEqualTo(7);
                        assertThat(slab.segment().asSlice(0, head.length).toArray(JAVA_BYTE))
                                .isEqualTo(head);
                        requirePoison(slab.segment().asSlice(head.length));
                        store.read(block, slab.segment());
                        assertThat(Patterns.matches(bytes, block, 7)).isTrue();
                    }
                    store.sync();
                }
            }
            damage(SIZES.getFirst() - 1); // in the first block of the file, behind its head
            try (BlockStore store = BlockStore.open(config().withHeads(heads), io, memory);
                    BlockRead read = store.newRead()) {
                if (heads.getFirst() < SIZES.getFirst()) {
                    read.startHead(0, slab.segment());
                    assertThat(read.await()).isEqualTo(7);
                }
                assertThatThrownBy(() -> store.read(0, slab.segment()))
                        .isInstanceOf(CorruptDataException.class);
                damage(0);
                read.startHead(0, slab.segment());
                assertThatThrownBy(read::await).isInstanceOf(CorruptDataException.class);
            }
            assertThatThrownBy(() -> BlockStore.open(config(), io, memory))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("another model or layout");
        }
    }

    private void damage(long position) throws IOException {
        try (RandomAccessFile file =
                new RandomAccessFile(folder.resolve("blocks.dat").toFile(), "rw")) {
            file.seek(position);
            int before = file.read();
            file.seek(position);
            file.write(before ^ 1);
        }
    }

    private static void requirePoison(MemorySegment beyond) {
        for (long i = 0; i < beyond.byteSize(); i++) {
            assertThat(beyond.get(JAVA_BYTE, i)).isEqualTo((byte) 0xEE);
        }
    }

    @Test
    void forgetsWhatNoSyncMadeDurableButNeverMore() {
        try (FileIo io = FileIo.open(folder, OPTIONS);
                HostSlab slab = memory.allocate("block", 300_000)) {
            try (BlockStore store = BlockStore.open(config(), io, memory)) {
                store.write(1, slab.segment(), 3);
                store.sync();
                store.write(1, slab.segment(), 4);
                assertThat(store.version(1)).isEqualTo(4);
                assertThat(store.durableVersion(1)).isEqualTo(3);
            }
            try (BlockStore store = BlockStore.open(config(), io, memory)) {
                assertThat(store.version(1)).isEqualTo(3);
                assertThat(store.version(0)).isZero();
            }
        }
    }

    @Test
    void readUnderWayKeepsItsVersionWhileNewerOnesAreWritten() {
        try (FileIo io = FileIo.open(folder, OPTIONS);
                BlockStore store = BlockStore.open(config(), io, memory);
                HostSlab slab = memory.allocate("block", 70_000);
                HostSlab target = memory.allocate("target", 70_000);
                BlockRead read = store.newRead()) {
            Patterns.fill(slab.segment(), 1, 1);
            store.write(1, slab.segment(), 1);
            read.start(1, target.segment());
            for (int step = 2; step < 9; step++) {
                store.write(1, slab.segment(), step);
                store.sync();
            }
            assertThat(read.await()).isEqualTo(1);
            assertThat(Patterns.matches(target.segment(), 1, 1)).isTrue();
        }
    }

    @Test
    void refusesVersionsThatGoBack() {
        try (FileIo io = FileIo.open(folder, OPTIONS);
                BlockStore store = BlockStore.open(config(), io, memory);
                HostSlab slab = memory.allocate("block", 300_000)) {
            store.write(0, slab.segment(), 5);
            assertThatThrownBy(() -> store.write(0, slab.segment(), 4))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("step 5");
            assertThatThrownBy(() -> store.write(1, slab.segment(), 0))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> store.read(1, slab.segment()))
                    .isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void namesFileBlockPlaceAndChecksumsOfDamage() throws IOException {
        try (FileIo io = FileIo.open(folder, OPTIONS);
                BlockStore store = BlockStore.open(config(), io, memory);
                HostSlab slab = memory.allocate("block", 300_000)) {
            Patterns.fill(slab.segment(), 0, 1);
            store.write(0, slab.segment(), 1);
            try (RandomAccessFile file =
                    new RandomAccessFile(folder.resolve("blocks.dat").toFile(), "rw")) {
                file.seek(123_456);
                int before = file.read();
                file.seek(123_456);
                file.write(before ^ 0x10);
                file.getFD().sync();
            }
            assertThatThrownBy(() -> store.read(0, slab.segment()))
                    .isInstanceOf(CorruptDataException.class)
                    .hasMessageContainingAll("blocks.dat", "block 0 at 0", "step 1", "expected");
            assertThat(store.rereadCount()).isEqualTo(1);
        }
    }

    @Test
    void takesLittleMoreThanTheBlocksAndChargesAllOfItAtOnce() {
        StoreConfig config =
                new StoreConfig(folder, java.util.Collections.nCopies(50, 200_000L), 1, 0);
        long weights = 50 * 200_000L;
        assertThat(config.storeBytes()).isLessThan((long) (weights * 1.1));
        try (FileIo io = FileIo.open(folder, OPTIONS);
                BlockStore store = BlockStore.open(config, io, memory)) {
            assertThat(ledger.inUse(Tier.NVME)).isEqualTo(config.storeBytes());
            assertThat(store.blockCount()).isEqualTo(50);
            assertThat(sizeOnDisk()).isEqualTo(config.storeBytes());
        }
    }

    private long sizeOnDisk() {
        try {
            return Files.size(folder.resolve("blocks.dat"))
                    + Files.size(folder.resolve("manifest.dat"));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void refusesBeforeItBeginsWhatTheBudgetDoesNotHold() {
        Ledger small = new Ledger(Map.of(Tier.NVME, 500_000L));
        try (FileIo io = FileIo.open(folder, OPTIONS)) {
            assertThatThrownBy(() -> BlockStore.open(config(), io, new HostMemory(small)))
                    .isInstanceOf(TierFullException.class)
                    .hasMessageContaining("block store");
        }
        assertThat(small.inUse(Tier.NVME)).isZero();
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void saysAtCreationWhatADriveLacks() throws IOException {
        long free = Files.getFileStore(folder).getTotalSpace();
        StoreConfig huge = StoreConfig.of(folder, List.of(free), 1);
        try (FileIo io = FileIo.open(folder, OPTIONS)) {
            assertThatThrownBy(() -> BlockStore.open(huge, io, memory))
                    .isInstanceOf(TierFullException.class)
                    .hasMessageContainingAll("needs", "free");
            Files.delete(folder.resolve("blocks.dat"));
        }
    }

    @Test
    void refusesAnotherModelsStoreAndASecondUser() {
        try (FileIo io = FileIo.open(folder, OPTIONS)) {
            try (BlockStore store = BlockStore.open(config(), io, memory)) {
                assertThat(store.version(0)).isZero();
                assertThatThrownBy(() -> BlockStore.open(config(), io, memory))
                        .isInstanceOf(BadInputException.class)
                        .hasMessageContaining("another run");
            }
            StoreConfig other = StoreConfig.of(folder, SIZES, 43);
            assertThatThrownBy(() -> BlockStore.open(other, io, memory))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("another model");
        }
    }

    @Test
    void refusesADamagedManifestAndATruncatedDataFile() throws IOException {
        try (FileIo io = FileIo.open(folder, OPTIONS)) {
            BlockStore.open(config(), io, memory).close();
            try (RandomAccessFile data =
                    new RandomAccessFile(folder.resolve("blocks.dat").toFile(), "rw")) {
                data.setLength(data.length() - 1);
            }
            assertThatThrownBy(() -> BlockStore.open(config(), io, memory))
                    .isInstanceOf(CorruptDataException.class)
                    .hasMessageContaining("cut short");
            try (RandomAccessFile manifest =
                    new RandomAccessFile(folder.resolve("manifest.dat").toFile(), "rw")) {
                manifest.seek(20);
                manifest.write(0xFF);
            }
            assertThatThrownBy(() -> BlockStore.open(config(), io, memory))
                    .isInstanceOf(CorruptDataException.class)
                    .hasMessageContaining("damaged");
        }
    }

    @Test
    void beginsAnewWhereCreationWasCutOff() throws IOException {
        Files.write(folder.resolve("blocks.dat"), new byte[1000]);
        Files.write(folder.resolve("manifest.dat.new"), new byte[77]);
        try (FileIo io = FileIo.open(folder, OPTIONS);
                BlockStore store = BlockStore.open(config(), io, memory)) {
            assertThat(store.version(0)).isZero();
        }
        BlockStore.delete(folder);
        assertThat(folder).doesNotExist();
        Files.createDirectory(folder);
    }

    @Test
    void useAfterCloseFails() {
        try (FileIo io = FileIo.open(folder, OPTIONS);
                HostSlab slab = memory.allocate("block", 300_000)) {
            BlockStore store = BlockStore.open(config(), io, memory);
            store.write(0, slab.segment(), 1);
            store.close();
            store.close();
            assertThatThrownBy(() -> store.read(0, slab.segment()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("closed");
        }
    }
}
