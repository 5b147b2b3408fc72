package io.millrace.memory.nvme;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.CorruptDataException;
import io.millrace.memory.Ledger;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.io.Fault;
import io.millrace.memory.nvme.io.FaultPlan;
import io.millrace.memory.nvme.io.FaultyFileIo;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoOptions;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(SeedExtension.class)
final class OriginalReaderTest {
    @TempDir Path folder;
    private final HostMemory memory = new HostMemory(Ledger.unlimited());

    @AfterEach
    void nothingStaysOpen() {
        memory.requireNoneOpen();
    }

    @ParameterizedTest
    @MethodSource("io.millrace.memory.nvme.io.FileIoTest#everyPath")
    void putsUnalignedTensorsOfManyFilesInTheirPlaces(IoOptions options, @Seed long seed)
            throws IOException {
        Random random = new Random(seed);
        List<byte[]> contents = new ArrayList<>();
        List<List<FileExtent>> blocks = new ArrayList<>();
        List<Long> sizes = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            blocks.add(new ArrayList<>());
            sizes.add(0L);
        }
        for (int f = 0; f < 3; f++) {
            Path path = folder.resolve("model-" + f + ".safetensors");
            byte[] content = new byte[200_000 + random.nextInt(200_000)];
            random.nextBytes(content);
            contents.add(content);
            Files.write(path, content);
            int at = random.nextInt(1000);
            while (at < content.length) {
                int size = Math.min(content.length - at, random.nextInt(60_000));
                int block = random.nextInt(4);
                blocks.get(block).add(new FileExtent(path, at, size, sizes.get(block)));
                sizes.set(block, (sizes.get(block) + size + 63) / 64 * 64);
                at += size + (random.nextInt(4) == 0 ? random.nextInt(90_000) : 0);
            }
        }
        blocks.forEach(block -> Collections.shuffle(block, random));
        sizes.replaceAll(size -> Math.max(size, 64));
        try (FileIo io = FileIo.open(folder, options);
                OriginalReader reader = new OriginalReader(blocks, sizes, io, memory);
                BlockRead read = reader.newRead()) {
            for (int visit = 0; visit < 8; visit++) {
                int block = random.nextInt(4);
                try (HostSlab slab = memory.allocate("block", sizes.get(block))) {
                    slab.segment().fill((byte) 0xEE);
                    read.start(block, slab.segment());
                    assertThat(read.await()).isZero();
                    byte[] expected = new byte[Math.toIntExact(sizes.get(block))];
                    java.util.Arrays.fill(expected, (byte) 0xEE);
                    for (FileExtent one : blocks.get(block)) {
                        int file =
                                one.file().toString().contains("model-0")
                                        ? 0
                                        : one.file().toString().contains("model-1") ? 1 : 2;
                        System.arraycopy(
                                contents.get(file),
                                (int) one.fileOffset(),
                                expected,
                                (int) one.blockOffset(),
                                (int) one.sizeBytes());
                    }
                    assertThat(slab.segment().toArray(JAVA_BYTE)).isEqualTo(expected);
                }
            }
        }
    }

    @Test
    void whatLiesBehindTheWeightsIsZeroEachTime() throws IOException {
        byte[] content = new byte[5000];
        new Random(3).nextBytes(content);
        Path path = Files.write(folder.resolve("m.safetensors"), content);
        List<List<FileExtent>> tensors =
                List.of(List.of(new FileExtent(path, 77, 1000, 0)), List.of());
        try (FileIo io = FileIo.open(folder, IoOptions.defaults());
                OriginalReader reader =
                        new OriginalReader(
                                tensors, List.of(1024L, 0L), List.of(5056L, 640L), io, memory);
                BlockRead read = reader.newRead();
                HostSlab slab = memory.allocate("block", 8192)) {
            for (int visit = 0; visit < 4; visit++) {
                slab.segment().fill((byte) 0xEE);
                read.start(visit % 2, slab.segment());
                assertThat(read.await()).isZero();
                byte[] expected = new byte[8192];
                java.util.Arrays.fill(expected, (byte) 0xEE);
                if (visit % 2 == 0) {
                    System.arraycopy(content, 77, expected, 0, 1000);
                    java.util.Arrays.fill(expected, 1024, 5056, (byte) 0);
                } else {
                    java.util.Arrays.fill(expected, 0, 640, (byte) 0);
                }
                assertThat(slab.segment().toArray(JAVA_BYTE)).isEqualTo(expected);
            }
        }
    }

    @Test
    void readsNeighboursTogether() throws IOException {
        Path path = Files.write(folder.resolve("m.safetensors"), new byte[100_000]);
        List<FileExtent> tensors = new ArrayList<>();
        for (int i = 0; i < 90; i++) {
            tensors.add(new FileExtent(path, 500 + i * 1000L, 1000, i * 1024L));
        }
        try (FileIo io = FileIo.open(folder, IoOptions.defaults());
                OriginalReader reader =
                        new OriginalReader(List.of(tensors), List.of(92_160L), io, memory)) {
            assertThat(reader.plan(0).pieces().chunks()).hasSize(1);
        }
    }

    @Test
    void refusesAFileThatEndsBeforeATensor() throws IOException {
        Path path = Files.write(folder.resolve("m.safetensors"), new byte[1000]);
        List<FileExtent> tensors = List.of(new FileExtent(path, 500, 501, 0));
        try (FileIo io = FileIo.open(folder, IoOptions.defaults())) {
            assertThatThrownBy(
                            () -> new OriginalReader(List.of(tensors), List.of(512L), io, memory))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContainingAll("m.safetensors", "1000", "1001");
        }
    }

    @ParameterizedTest
    @MethodSource("io.millrace.memory.nvme.io.FileIoTest#everyPath")
    void bitThatFlippedOnTheWayCostsOneMoreRead(IoOptions options, @Seed long seed)
            throws IOException {
        byte[] base = new byte[30_000];
        new Random(seed).nextBytes(base);
        Path path = Files.write(folder.resolve("m.safetensors"), base);
        // All bytes of the file belong to tensors, or a flip may hit what nobody reads.
        List<FileExtent> tensors =
                List.of(known(path, base, 0, 9_999, 0), known(path, base, 9_999, 20_001, 10_048));
        try (FaultyFileIo io =
                        new FaultyFileIo(FileIo.open(folder, options), FaultPlan.none(seed));
                OriginalReader reader =
                        new OriginalReader(List.of(tensors), List.of(30_080L), io, memory);
                BlockRead read = reader.newRead();
                HostSlab slab = memory.allocate("block", 30_080)) {
            for (int flips = 1; flips <= 20; flips++) {
                io.plan(FaultPlan.none(seed + flips).with(Fault.BIT_FLIP, 1).withLimit(1));
                read.start(0, slab.segment());
                read.await();
                assertThat(io.faultCount()).isEqualTo(flips);
                MemorySegment expected = MemorySegment.ofArray(base);
                assertThat(slab.segment().asSlice(0, 9_999).mismatch(expected.asSlice(0, 9_999)))
                        .isEqualTo(-1);
                assertThat(slab.segment().asSlice(10_048, 20_001).mismatch(expected.asSlice(9_999)))
                        .isEqualTo(-1);
            }
        }
    }

    @Test
    void aFileThatChangedUnderTheRunIsNamed() throws IOException {
        byte[] base = new byte[8192];
        Path path = Files.write(folder.resolve("m.safetensors"), base);
        List<FileExtent> tensors = List.of(known(path, base, 8, 4000, 0));
        base[4007] = 1;
        Files.write(path, base);
        try (FileIo io = FileIo.open(folder, IoOptions.defaults());
                OriginalReader reader =
                        new OriginalReader(List.of(tensors), List.of(4032L), io, memory);
                HostSlab slab = memory.allocate("block", 4032)) {
            LayeredSource source = new LayeredSource(List.of(reader));
            assertThatThrownBy(() -> source.read(0, slab.segment()))
                    .isInstanceOf(CorruptDataException.class)
                    .hasMessageContainingAll("m.safetensors", "block 0", "changed since");
        }
    }

    private static FileExtent known(Path path, byte[] content, int offset, int size, long place) {
        CRC32C crc = new CRC32C();
        crc.update(content, offset, size);
        return new FileExtent(path, offset, size, place, OptionalInt.of((int) crc.getValue()));
    }

    @Test
    void storeTakesOverWhenABlockIsFirstWritten() throws IOException {
        byte[] base = new byte[5000];
        new Random(5).nextBytes(base);
        Path path = Files.write(folder.resolve("m.safetensors"), base);
        Path storeFolder = Files.createDirectory(folder.resolve("store"));
        List<List<FileExtent>> blocks =
                List.of(
                        List.of(new FileExtent(path, 8, 2000, 0)),
                        List.of(new FileExtent(path, 2008, 2992, 0)));
        List<Long> sizes = List.of(2048L, 3008L);
        try (FileIo io = FileIo.open(storeFolder, IoOptions.defaults());
                OriginalReader original = new OriginalReader(blocks, sizes, io, memory);
                BlockStore store =
                        BlockStore.open(StoreConfig.of(storeFolder, sizes, 1), io, memory);
                HostSlab slab = memory.allocate("block", 3008)) {
            LayeredSource source = new LayeredSource(List.of(store, original));
            assertThat(source.read(1, slab.segment())).isZero();
            assertThat(slab.segment().asSlice(0, 2992))
                    .matches(got -> got.mismatch(MemorySegment.ofArray(base).asSlice(2008)) < 0);
            Patterns.fill(slab.segment(), 1, 9);
            store.write(1, slab.segment(), 9);
            slab.segment().fill((byte) 0);
            assertThat(source.read(1, slab.segment())).isEqualTo(9);
            assertThat(Patterns.matches(slab.segment(), 1, 9)).isTrue();
            assertThat(source.read(0, slab.segment())).isZero();
        }
        assertThat(Files.readAllBytes(path)).isEqualTo(base);
    }
}
