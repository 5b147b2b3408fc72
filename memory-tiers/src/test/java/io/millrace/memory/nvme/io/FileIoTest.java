package io.millrace.memory.nvme.io;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.memory.BadInputException;
import io.millrace.memory.Ledger;
import io.millrace.memory.NativeCallException;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.io.IoOptions.Engine;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(SeedExtension.class)
final class FileIoTest {
    private static final int PAGE = 4096;

    @TempDir Path folder;
    private final HostMemory memory = new HostMemory(Ledger.unlimited());

    @AfterEach
    void nothingStaysOpen() {
        memory.requireNoneOpen();
    }

    static Stream<IoOptions> everyPath() {
        IoOptions small = IoOptions.defaults().withPieces(2 * PAGE, 3);
        return Stream.of(Engine.AUTO, Engine.PREAD)
                .flatMap(engine ->
                        Stream.of(true, false)
                                .map(direct -> small.withEngine(engine).withDirect(direct)));
    }

    @ParameterizedTest
    @MethodSource("everyPath")
    void readsBackWhatItWroteAtRandomPlaces(IoOptions options, @Seed long seed) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        int pages = 64;
        byte[] oracle = new byte[pages * PAGE];
        Path path = folder.resolve("data");
        try (FileIo io = FileIo.open(folder, options);
                HostSlab slab = memory.allocate("buffer", oracle.length)) {
            io.preallocate(path, oracle.length);
            try (IoFile file = io.open(path, true)) {
                Transfer transfer = new Transfer(options.pieceBytes(), options.depth());
                MemorySegment segment = slab.segment();
                for (int i = 0; i < 50; i++) {
                    int first = random.nextInt(pages);
                    int length = (1 + random.nextInt(pages - first)) * PAGE;
                    long at = (long) first * PAGE;
                    if (random.nextBoolean()) {
                        byte[] bytes = new byte[length];
                        random.nextBytes(bytes);
                        MemorySegment.copy(bytes, 0, segment, JAVA_BYTE, 0, length);
                        System.arraycopy(bytes, 0, oracle, (int) at, length);
                        transfer.start(file, IoRequest.Op.WRITE, at, segment, 0, length, length);
                        transfer.await();
                    } else {
                        segment.fill((byte) 0xEE);
                        transfer.start(file, IoRequest.Op.READ, at, segment, 0, length, length);
                        transfer.await();
                        MemorySegment expected = MemorySegment.ofArray(oracle).asSlice(at, length);
                        assertThat(expected.mismatch(segment.asSlice(0, length))).isEqualTo(-1);
                    }
                }
                new BlockingRequest().sync(file);
            }
        }
        assertThat(Files.readAllBytes(path)).isEqualTo(oracle);
    }

    @ParameterizedTest
    @MethodSource("everyPath")
    void manyTransfersShareOneDrive(IoOptions options) throws IOException {
        byte[] content = new byte[100 * PAGE];
        new SplittableRandom(1).nextBytes(content);
        Path path = Files.write(folder.resolve("data"), content);
        try (FileIo io = FileIo.open(folder, options);
                IoFile file = io.open(path, false);
                HostSlab slab = memory.allocate("buffer", content.length)) {
            List<Transfer> transfers = new ArrayList<>();
            for (int i = 0; i < 100; i++) { // together more than the ring holds
                Transfer transfer = new Transfer(PAGE, 4);
                transfers.add(transfer);
                long at = (long) i * PAGE;
                transfer.start(file, IoRequest.Op.READ, at, slab.segment(), at, PAGE, PAGE);
            }
            transfers.forEach(Transfer::await);
            assertThat(slab.segment().toArray(JAVA_BYTE)).isEqualTo(content);
        }
    }

    @ParameterizedTest
    @MethodSource("everyPath")
    void saysWhereAFileEndsEarly(IoOptions options) throws IOException {
        Path path = Files.write(folder.resolve("data"), new byte[PAGE + 100]);
        try (FileIo io = FileIo.open(folder, options);
                IoFile file = io.open(path, false);
                HostSlab slab = memory.allocate("buffer", 4 * PAGE)) {
            Transfer transfer = new Transfer(4 * PAGE, 1);
            MemorySegment segment = slab.segment();
            transfer.start(file, IoRequest.Op.READ, 0, segment, 0, 4 * PAGE, PAGE + 100);
            transfer.await();
            transfer.start(file, IoRequest.Op.READ, 0, segment, 0, 4 * PAGE, PAGE + 101);
            assertThatThrownBy(transfer::await)
                    .isInstanceOf(NativeCallException.class)
                    .hasMessageContainingAll("data", "cut short");
        }
    }

    @ParameterizedTest
    @MethodSource("everyPath")
    void failsAfterClose(IoOptions options) throws IOException {
        Path path = Files.write(folder.resolve("data"), new byte[PAGE]);
        FileIo io = FileIo.open(folder, options);
        IoFile file = io.open(path, false);
        Transfer transfer = new Transfer(PAGE, 1);
        try (HostSlab slab = memory.allocate("buffer", PAGE)) {
            file.close();
            file.close();
            transfer.start(file, IoRequest.Op.READ, 0, slab.segment(), 0, PAGE, PAGE);
            assertThatThrownBy(transfer::await)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("closed");
            IoFile other = io.open(path, false);
            io.close();
            io.close();
            transfer.start(other, IoRequest.Op.READ, 0, slab.segment(), 0, PAGE, PAGE);
            assertThatThrownBy(transfer::await)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("ended");
            other.close();
        }
    }

    @Test
    void missingFilesAreInputThatAPersonCanMend() {
        try (FileIo io = FileIo.open(folder, IoOptions.defaults())) {
            assertThatThrownBy(() -> io.open(folder.resolve("absent"), false))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContainingAll("absent", "no such file");
        }
    }

    @Test
    void refusesMisalignedDirectRequestsBeforeTheKernelDoes() throws IOException {
        Path path = Files.write(folder.resolve("data"), new byte[2 * PAGE]);
        try (FileIo io = FileIo.open(folder, IoOptions.defaults());
                IoFile file = io.open(path, false);
                HostSlab slab = memory.allocate("buffer", 2 * PAGE)) {
            assumeTrue(io.path().direct());
            Transfer transfer = new Transfer(PAGE, 1);
            transfer.start(file, IoRequest.Op.READ, 0, slab.segment(), 64, PAGE, PAGE);
            assertThatThrownBy(transfer::await)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("not aligned");
        }
    }

    @Test
    void bypassesThePageCache() throws IOException {
        try (FileIo io = FileIo.open(folder, IoOptions.defaults())) {
            assumeTrue(io.path().direct(), io.path().describe());
            assertThat(cachedAfterWriteAndRead(io, "direct")).isFalse();
        }
        try (FileIo io = FileIo.open(folder, IoOptions.defaults().withDirect(false))) {
            // The same look at the other path shows that it would have been seen.
            assertThat(cachedAfterWriteAndRead(io, "buffered")).isTrue();
        }
    }

    private boolean cachedAfterWriteAndRead(FileIo io, String name) throws IOException {
        int size = 1 << 20;
        Path path = folder.resolve(name);
        io.preallocate(path, size);
        try (IoFile file = io.open(path, true);
                HostSlab slab = memory.allocate("buffer", size);
                FileChannel channel = FileChannel.open(path)) {
            Transfer transfer = new Transfer(size, 1);
            for (IoRequest.Op op : List.of(IoRequest.Op.WRITE, IoRequest.Op.READ)) {
                transfer.start(file, op, 0, slab.segment(), 0, size, size);
                transfer.await();
            }
            assertThat(openFlags(path) & PosixFiles.O_DIRECT)
                    .isEqualTo(io.path().direct() ? PosixFiles.O_DIRECT : 0);
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, size).isLoaded(); // mincore
        }
    }

    /** The flags that the kernel keeps for our descriptor of a file open for writing. */
    private static int openFlags(Path path) throws IOException {
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            for (Path descriptor : descriptors.toList()) {
                if (!Files.exists(descriptor) || !Files.isSameFile(descriptor, path)) {
                    continue;
                }
                Path info = Path.of("/proc/self/fdinfo", descriptor.getFileName().toString());
                String flags =
                        Files.readAllLines(info).stream()
                                .filter(line -> line.startsWith("flags:"))
                                .findFirst()
                                .orElseThrow();
                int bits = Integer.parseInt(flags.replaceAll("\\D", ""), 8);
                if ((bits & PosixFiles.O_RDWR) != 0) {
                    return bits;
                }
            }
        }
        throw new AssertionError(path + " is not open");
    }

    @Test
    void namesWhatRunsAndNothingIsRefusedWhereNothingWasAsked() {
        IoOptions plain = IoOptions.defaults().withEngine(Engine.PREAD).withDirect(false);
        try (FileIo io = FileIo.open(folder, plain)) {
            assertThat(io.path().describe()).isEqualTo("pread/pwrite through the page cache");
        }
    }
}
