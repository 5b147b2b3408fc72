package io.millrace.memory.host;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.Errno;
import io.millrace.memory.Ledger;
import io.millrace.memory.Tier;
import io.millrace.memory.TierFullException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class HostMemoryTest {
    @Test
    void refusedAdviceIsAnAnswerAndNoFailure() {
        long nowhere = 1L << 20; // below what the system maps
        assertThat(NativePages.adviseHugePages(nowhere, 4096)).isEqualTo(Errno.ENOMEM.code());
    }

    @Test
    void slabsArePageAlignedZeroedAndChargedByWholePages() {
        Ledger ledger = Ledger.unlimited();
        HostMemory memory = new HostMemory(ledger);
        try (HostSlab slab = memory.allocate("test", 5_000)) {
            assertThat(slab.segment().address() % HostMemory.PAGE_BYTES).isZero();
            assertThat(slab.segment().byteSize()).isEqualTo(5_000);
            assertThat(ledger.inUse(Tier.HOST)).isEqualTo(8_192);
            assertThat(slab.segment().toArray(JAVA_BYTE)).containsOnly(0);
        }
        assertThat(ledger.inUse(Tier.HOST)).isZero();
        memory.requireNoneOpen();
    }

    @Test
    void givesPagesBackToTheSystemOnClose() throws IOException {
        HostMemory memory = new HostMemory(Ledger.unlimited());
        long size = 64L << 20;
        long before = residentBytes();
        HostSlab slab = memory.allocate("test", size);
        slab.segment().fill((byte) 1);
        assertThat(residentBytes() - before).isGreaterThan(size / 2);
        slab.close();
        slab.close();
        assertThat(residentBytes() - before).isLessThan(size / 2);
    }

    @Test
    void useAfterCloseFailsInEveryView() {
        HostMemory memory = new HostMemory(Ledger.unlimited());
        HostSlab slab = memory.allocate("test", 4096);
        MemorySegment segment = slab.segment();
        HostBytes bytes = slab.bytes(0, 64);
        slab.close();
        assertThatThrownBy(() -> segment.get(JAVA_BYTE, 0))
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> bytes.readLong(0)).isInstanceOf(IllegalStateException.class);
        bytes.close();
    }

    @Test
    void bytesAreLittleEndianAndCheckedAgainstTheirOwnBounds() {
        HostMemory memory = new HostMemory(Ledger.unlimited());
        try (HostSlab slab = memory.allocate("test", 4096);
                HostBytes bytes = slab.bytes(16, 24)) {
            bytes.writeLong(0, 0x0102030405060708L).writeInt(20, -7);
            assertThat(slab.segment().get(JAVA_BYTE, 16)).isEqualTo((byte) 8);
            assertThat(bytes.readLong(0)).isEqualTo(0x0102030405060708L);
            assertThat(bytes.readInt(20)).isEqualTo(-7);
            assertThatThrownBy(() -> bytes.writeLong(17, 1))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> bytes.readInt(-1))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            bytes.clear();
            assertThat(bytes.readLong(0)).isZero();
            assertThatThrownBy(() -> slab.bytes(4090, 8))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void refusedAllocationChargesNothing() {
        Ledger ledger = new Ledger(Map.of(Tier.HOST, 8_192L));
        HostMemory memory = new HostMemory(ledger);
        assertThatThrownBy(() -> memory.allocate("activations", 8_193))
                .isInstanceOf(TierFullException.class)
                .hasMessageContaining("activations");
        assertThat(ledger.inUse(Tier.HOST)).isZero();
        assertThat(memory.openSlabs()).isZero();
    }

    @Test
    void pinsPagesWhereTheSystemAllowsAndReportsThem() throws IOException {
        HostMemory memory = new HostMemory(Ledger.unlimited());
        long lockedBefore = statusBytes("VmLck");
        try (HostSlab slab = memory.allocatePinned("slots", 1 << 20)) {
            PinReport report = memory.pinReport();
            assertThat(report.pinnedBytes() + report.unpinnedBytes()).isEqualTo(1 << 20);
            assertThat(slab.isPinned()).isEqualTo(report.isComplete());
            long locked = statusBytes("VmLck") - lockedBefore;
            assertThat(locked).isEqualTo(slab.isPinned() ? 1 << 20 : 0);
        }
        assertThat(memory.pinReport().pinnedBytes()).isZero();
        assertThat(statusBytes("VmLck")).isEqualTo(lockedBefore);
    }

    @Test
    void statesWhyPagesAreNotPinnedAndTheCure() {
        Pinning refusing =
                new Pinning() {
                    @Override
                    public String name() {
                        return "mlock";
                    }

                    @Override
                    public Optional<String> pin(MemorySegment region) {
                        return Optional.of(
                                MlockPinning.refusal(
                                        region.byteSize(), Errno.ENOMEM.code(), 8L << 20));
                    }

                    @Override
                    public void unpin(MemorySegment region) {
                        throw new AssertionError("nothing was pinned");
                    }
                };
        HostMemory memory = new HostMemory(Ledger.unlimited(), Tier.HOST, refusing);
        try (HostSlab slab = memory.allocatePinned("slots", 1 << 20)) {
            assertThat(slab.isPinned()).isFalse();
            assertThat(memory.pinReport().describe())
                    .contains("1.00MiB not pinned", "ENOMEM", "8.00MiB", "ulimit -l");
        }
        assertThat(memory.pinReport().isComplete()).isTrue();
    }

    @Test
    void leakNamesThePurposeAndWhereItWasOpened() {
        HostMemory memory = new HostMemory(Ledger.unlimited());
        HostSlab slab = memory.allocate("forgotten scratch", 1);
        assertThatThrownBy(memory::requireNoneOpen)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("forgotten scratch")
                .satisfies(leak ->
                        assertThat(leak.getSuppressed()[0].getStackTrace())
                                .anyMatch(frame ->
                                        frame.getClassName()
                                                .equals(HostMemoryTest.class.getName())));
        slab.close();
        memory.requireNoneOpen();
    }

    private static long residentBytes() throws IOException {
        return statusBytes("VmRSS");
    }

    private static long statusBytes(String field) throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith(field + ":"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
                .findFirst()
                .orElseThrow();
    }
}
