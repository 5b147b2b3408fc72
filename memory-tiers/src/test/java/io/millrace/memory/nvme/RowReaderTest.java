package io.millrace.memory.nvme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.CorruptDataException;
import io.millrace.memory.Ledger;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.Tier;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoOptions;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(SeedExtension.class)
final class RowReaderTest {
    private static final int ROWS = 300;

    @TempDir Path folder;
    private final HostMemory memory = new HostMemory(Ledger.unlimited());

    @AfterEach
    void nothingStaysOpen() {
        memory.requireNoneOpen();
    }

    @ParameterizedTest
    @MethodSource("io.millrace.memory.nvme.io.FileIoTest#everyPath")
    void givesTheRowsThatAreAskedForInTheirOrder(IoOptions options, @Seed long seed)
            throws IOException {
        Random random = new Random(seed);
        int rowBytes = 1 + random.nextInt(9000);
        int first = random.nextInt(10_000);
        byte[] content = content(random, first + ROWS * rowBytes);
        Path file = Files.write(folder.resolve("model.safetensors"), content);
        FileExtent table = new FileExtent(file, first, (long) ROWS * rowBytes, 0);
        try (FileIo io = FileIo.open(folder, options);
                RowReader reader =
                        new RowReader(
                                table, rowBytes, checksums(content, first, rowBytes), io, memory)) {
            assertThat(memory.ledger().inUse(Tier.HOST))
                    .isEqualTo(RowReader.stagingBytes(rowBytes));
            for (int pass = 0; pass < 3; pass++) {
                int[] wanted = random.ints(0, ROWS).distinct().limit(50).toArray();
                int[] taken = {0};
                reader.read(
                        1,
                        wanted,
                        (index, row) -> {
                            assertThat(index).isEqualTo(taken[0]++);
                            int from = first + wanted[index] * rowBytes;
                            assertThat(row.toArray(ValueLayout.JAVA_BYTE))
                                    .isEqualTo(Arrays.copyOfRange(content, from, from + rowBytes));
                        });
                assertThat(taken[0]).isEqualTo(wanted.length);
            }
        }
    }

    @Test
    void namesARowThatChangedUnderTheRun(@Seed long seed) throws IOException {
        Random random = new Random(seed);
        byte[] content = content(random, ROWS * 64);
        Path file = Files.write(folder.resolve("model.safetensors"), content);
        FileExtent table = new FileExtent(file, 0, content.length, 0);
        Optional<IntUnaryOperator> checksums = checksums(content, 0, 64);
        content[64 * 7 + 5] ^= 1;
        Files.write(file, content);
        try (FileIo io = FileIo.open(folder, IoOptions.defaults());
                RowReader reader = new RowReader(table, 64, checksums, io, memory)) {
            reader.read(1, new int[] {6, 8}, (index, row) -> {});
            assertThatThrownBy(() -> reader.read(1, new int[] {6, 7}, (index, row) -> {}))
                    .isInstanceOf(CorruptDataException.class)
                    .hasMessageContaining("row 7 of the table")
                    .hasMessageContaining("in two reads");
        }
    }

    @Test
    void refusesATableThatTheFileDoesNotHold() throws IOException {
        Path file = Files.write(folder.resolve("model.safetensors"), new byte[1000]);
        FileExtent table = new FileExtent(file, 10, 1000, 0);
        try (FileIo io = FileIo.open(folder, IoOptions.defaults())) {
            assertThatThrownBy(() -> new RowReader(table, 10, Optional.empty(), io, memory))
                    .isInstanceOf(BadInputException.class);
        }
    }

    private static byte[] content(Random random, int bytes) {
        byte[] content = new byte[bytes];
        random.nextBytes(content);
        return content;
    }

    private static Optional<IntUnaryOperator> checksums(byte[] content, int first, int rowBytes) {
        int[] values = new int[ROWS];
        for (int row = 0; row < ROWS; row++) {
            CRC32C crc = new CRC32C();
            crc.update(content, first + row * rowBytes, rowBytes);
            values[row] = (int) crc.getValue();
        }
        return Optional.of(row -> values[row]);
    }
}
