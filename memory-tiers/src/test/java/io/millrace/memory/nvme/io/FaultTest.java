package io.millrace.memory.nvme.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.Ledger;
import io.millrace.memory.NativeCallException;
import io.millrace.memory.OffloadException;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.TierFullException;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.memory.nvme.Patterns;
import io.millrace.memory.nvme.StoreConfig;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Each fault of a drive ends in a clear error with nothing lost, or in a retry. */
@ExtendWith(SeedExtension.class)
final class FaultTest {
    private static final List<Long> SIZES = List.of(100_000L, 100_000L, 40_000L);

    @TempDir Path folder;
    private final HostMemory memory = new HostMemory(Ledger.unlimited());
    private FaultyFileIo io;
    private HostSlab slab;

    @BeforeEach
    void open() {
        IoOptions options = IoOptions.defaults().withPieces(8192, 4);
        io = new FaultyFileIo(FileIo.open(folder, options), FaultPlan.none(0));
        slab = memory.allocate("block", 100_000);
    }

    @AfterEach
    void close() {
        slab.close();
        io.close();
        memory.requireNoneOpen();
    }

    private BlockStore store() {
        return BlockStore.open(StoreConfig.of(folder, SIZES, 1), io, memory);
    }

    private void write(BlockStore store, int block, long version) {
        Patterns.fill(slab.segment().asSlice(0, SIZES.get(block)), block, version);
        store.write(block, slab.segment(), version);
    }

    private void requireVersion(BlockStore store, int block, long version) {
        slab.segment().fill((byte) 0xEE);
        assertThat(store.read(block, slab.segment())).isEqualTo(version);
        assertThat(Patterns.matches(slab.segment().asSlice(0, SIZES.get(block)), block, version))
                .isTrue();
    }

    @Test
    void continuesShortTransfers(@Seed long seed) {
        try (BlockStore store = store()) {
            io.plan(FaultPlan.none(seed).with(Fault.SHORT, 0.4));
            for (int step = 1; step < 20; step++) {
                write(store, step % 3, step);
                requireVersion(store, step % 3, step);
            }
            store.sync();
            assertThat(io.faultCount()).isPositive();
        }
    }

    @Test
    void readsAgainAfterAPassingError(@Seed long seed) {
        try (BlockStore store = store()) {
            write(store, 0, 1);
            // At this rate three failures of one piece in a row are one in 10^8.
            io.plan(FaultPlan.none(seed).with(Fault.READ_ERROR, 0.002));
            while (io.faultCount() < 3) {
                requireVersion(store, 0, 1);
            }
        }
    }

    @Test
    void readsABlockAgainAfterAFlippedBitAndThenGivesUp(@Seed long seed) {
        try (BlockStore store = store()) {
            write(store, 0, 1);
            io.plan(FaultPlan.none(seed).with(Fault.BIT_FLIP, 1).withDelay(0));
            assertThatThrownBy(() -> store.read(0, slab.segment()))
                    .isInstanceOf(OffloadException.class)
                    .hasMessageContainingAll("checksum", "two reads");
            assertThat(store.rereadCount()).isEqualTo(1);
            io.plan(FaultPlan.none(seed));
            requireVersion(store, 0, 1);
        }
    }

    @Test
    void bitThatFlippedOnTheWayCostsOneMoreRead(@Seed long seed) {
        try (BlockStore store = store()) {
            write(store, 2, 1);
            for (int flips = 1; flips <= 20; flips++) {
                io.plan(FaultPlan.none(seed + flips).with(Fault.BIT_FLIP, 1).withLimit(1));
                requireVersion(store, 2, 1);
                assertThat(store.rereadCount()).isEqualTo(flips);
                assertThat(io.faultCount()).isEqualTo(flips);
            }
        }
    }

    @Test
    void lastingReadErrorNamesTheCallAndLosesNothing(@Seed long seed) {
        try (BlockStore store = store()) {
            write(store, 0, 1);
            io.plan(FaultPlan.none(seed).with(Fault.READ_ERROR, 1));
            assertThatThrownBy(() -> store.read(0, slab.segment()))
                    .isInstanceOf(NativeCallException.class)
                    .hasMessageContainingAll("read(", "blocks.dat", "EIO");
            io.plan(FaultPlan.none(seed));
            requireVersion(store, 0, 1);
        }
    }

    @Test
    void failedWriteKeepsTheVersionBefore(@Seed long seed) {
        try (BlockStore store = store()) {
            write(store, 0, 1);
            store.sync();
            io.plan(FaultPlan.none(seed).with(Fault.WRITE_ERROR, 0.3));
            assertThatThrownBy(() -> writeUntilItFails(store, 2))
                    .isInstanceOf(NativeCallException.class)
                    .hasMessageContainingAll("write(", "EIO");
            io.plan(FaultPlan.none(seed));
            assertThat(store.durableVersion(0)).isEqualTo(1);
            requireVersion(store, 0, store.version(0));
        }
        try (BlockStore store = store()) {
            requireVersion(store, 0, 1);
        }
    }

    private void writeUntilItFails(BlockStore store, long from) {
        for (long step = from; ; step++) {
            write(store, 0, step);
            // Only the newest counts in memory; a sync would meet the faulty manifest as well.
            assertThat(store.version(0)).isEqualTo(step);
        }
    }

    @Test
    void fullDriveIsATierThatIsFull(@Seed long seed) {
        try (BlockStore store = store()) {
            write(store, 1, 1);
            store.sync();
            io.plan(FaultPlan.none(seed).with(Fault.FULL, 1));
            assertThatThrownBy(() -> write(store, 1, 2))
                    .isInstanceOf(TierFullException.class)
                    .hasMessageContaining("ENOSPC");
            io.plan(FaultPlan.none(seed));
            requireVersion(store, 1, 1);
            write(store, 1, 2);
            requireVersion(store, 1, 2);
        }
    }

    @Test
    void failedSyncStopsWritesAndLeavesTheLastSyncedVersions(@Seed long seed) {
        try (BlockStore store = store()) {
            write(store, 0, 1);
            store.sync();
            write(store, 0, 2);
            io.plan(FaultPlan.none(seed).with(Fault.SYNC_ERROR, 1));
            assertThatThrownBy(store::sync).hasMessageContainingAll("fdatasync", "EIO");
            io.plan(FaultPlan.none(seed));
            assertThatThrownBy(() -> write(store, 0, 3))
                    .isInstanceOf(NativeCallException.class)
                    .hasMessageContaining("an earlier sync failed");
            requireVersion(store, 0, 2);
        }
        try (BlockStore store = store()) {
            requireVersion(store, 0, 1);
        }
    }

    @Test
    void slowDriveIsOnlySlow(@Seed long seed) {
        try (BlockStore store = store()) {
            io.plan(FaultPlan.none(seed).withDelay(2_000_000));
            long begin = System.nanoTime();
            write(store, 0, 1);
            store.sync();
            requireVersion(store, 0, 1);
            assertThat(System.nanoTime() - begin).isGreaterThan(1_000_000);
        }
    }

    @Test
    void isToldInWords() {
        FaultPlan plan = FaultPlan.parse("seed=3, bit-flip=1,read-error=0.25,delay-us=2,limit=1");
        assertThat(plan)
                .isEqualTo(
                        FaultPlan.none(3)
                                .with(Fault.BIT_FLIP, 1)
                                .with(Fault.READ_ERROR, 0.25)
                                .withDelay(2000)
                                .withLimit(1));
        assertThatThrownBy(() -> FaultPlan.parse("flip=1"))
                .isInstanceOf(BadInputException.class)
                .hasMessageContainingAll(FaultPlan.PROPERTY, "'flip'", "bit-flip", "limit");
        assertThatThrownBy(() -> FaultPlan.parse("limit=few"))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("'limit=few' has no number");
    }
}
