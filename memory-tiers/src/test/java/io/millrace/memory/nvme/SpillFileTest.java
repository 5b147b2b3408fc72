package io.millrace.memory.nvme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.CorruptDataException;
import io.millrace.memory.Ledger;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.Tier;
import io.millrace.memory.TierFullException;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.io.FaultPlan;
import io.millrace.memory.nvme.io.FaultyFileIo;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoOptions;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(SeedExtension.class)
final class SpillFileTest {
    @TempDir Path folder;
    private final HostMemory memory = new HostMemory(Ledger.unlimited());

    @AfterEach
    void nothingStaysOpen() {
        memory.requireNoneOpen();
        assertThat(memory.ledger().inUse(Tier.NVME)).isZero();
        assertThat(folder).isEmptyDirectory();
    }

    @ParameterizedTest
    @MethodSource("io.millrace.memory.nvme.io.FileIoTest#everyPath")
    void whatGoesComesBack(IoOptions options, @Seed long seed) throws IOException {
        Random random = new Random(seed);
        List<Long> sizes = Stream.generate(() -> 1L + random.nextInt(3 << 20)).limit(5).toList();
        long largest = sizes.stream().mapToLong(Long::longValue).max().orElseThrow();
        try (FileIo io = FileIo.open(folder, options);
                SpillFile spill = new SpillFile(io, folder, memory, sizes);
                HostSlab going = memory.allocate("going", largest);
                HostSlab coming = memory.allocate("coming", largest)) {
            assertThat(listed()).isEmpty();
            assertThat(memory.ledger().inUse(Tier.NVME)).isEqualTo(SpillFile.fileBytes(sizes));
            for (int pass = 0; pass < 3; pass++) {
                long each = random.nextLong();
                for (int area = 0; area < sizes.size(); area++) {
                    spill.awaitWritten(); // before its memory changes
                    fill(going.segment(), each + area);
                    spill.write(area, going.segment());
                }
                for (int area = sizes.size() - 1; area >= 0; area--) {
                    coming.segment().fill((byte) 0x55);
                    spill.read(area, coming.segment());
                    spill.awaitRead();
                    fill(going.segment(), each + area);
                    assertThat(
                                    MemorySegment.mismatch(
                                            going.segment(),
                                            0,
                                            sizes.get(area),
                                            coming.segment(),
                                            0,
                                            sizes.get(area)))
                            .isEqualTo(-1);
                }
            }
        }
    }

    @Test
    void readsNothingThatWasNotSetAsideInThisStep() throws IOException {
        try (FileIo io = FileIo.open(folder, IoOptions.defaults());
                SpillFile spill = new SpillFile(io, folder, memory, List.of(5000L, 5000L));
                HostSlab slab = memory.allocate("an area", 5000)) {
            spill.write(1, slab.segment());
            assertThatThrownBy(() -> spill.read(0, slab.segment())).hasMessageContaining("area 0");
            spill.abandon();
            assertThatThrownBy(() -> spill.read(1, slab.segment())).hasMessageContaining("area 1");
        }
    }

    @Test
    void tellsOtherBytesThanWent() throws IOException {
        FaultPlan flips = FaultPlan.parse("seed=3,bit-flip=1");
        try (FileIo io = new FaultyFileIo(FileIo.open(folder, IoOptions.defaults()), flips);
                SpillFile spill = new SpillFile(io, folder, memory, List.of(9000L));
                HostSlab slab = memory.allocate("an area", 9000)) {
            fill(slab.segment(), 7);
            spill.write(0, slab.segment());
            spill.read(0, slab.segment());
            assertThatThrownBy(spill::awaitRead)
                    .isInstanceOf(CorruptDataException.class)
                    .hasMessageContaining("was set aside at 0 (9000 bytes)");
        }
    }

    @Test
    void aBudgetThatDoesNotHoldItIsRefused() throws IOException {
        HostMemory small = new HostMemory(new Ledger(Map.of(Tier.NVME, 4096L)));
        try (FileIo io = FileIo.open(folder, IoOptions.defaults())) {
            assertThatThrownBy(() -> new SpillFile(io, folder, small, List.of(4097L)))
                    .isInstanceOf(TierFullException.class)
                    .hasMessageContaining("what is set aside in");
        }
        small.requireNoneOpen();
    }

    private static void fill(MemorySegment memory, long seed) {
        Random random = new Random(seed);
        for (long at = 0; at < memory.byteSize(); at += 997) {
            memory.set(ValueLayout.JAVA_BYTE, at, (byte) random.nextInt());
        }
    }

    private List<Path> listed() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.toList();
        }
    }
}
