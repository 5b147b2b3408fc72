package io.millrace.prefetch.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AvailableMemoryTest {
    private static final long GIB = 1L << 30;

    @TempDir Path folder;
    private Path meminfo;

    @BeforeEach
    void writeMeminfo() throws IOException {
        meminfo =
                Files.writeString(
                        folder.resolve("meminfo"),
                        "MemTotal:       67108864 kB\nMemFree: 1 kB\nMemAvailable:   50331648 kB\n");
    }

    @Test
    void withoutAContainerTheKernelSaysIt() {
        AvailableMemory memory = AvailableMemory.read(meminfo, folder.resolve("no-such-group"));
        assertThat(memory).isEqualTo(new AvailableMemory(64 * GIB, 48 * GIB));
        assertThat(memory.forRun()).isBetween(40 * GIB, 47 * GIB);
    }

    @Test
    void aContainersLimitCountsAndItsPageCacheDoesNot() throws IOException {
        Files.writeString(folder.resolve("memory.max"), 8 * GIB + "\n");
        Files.writeString(folder.resolve("memory.current"), 5 * GIB + "\n");
        Files.writeString(folder.resolve("memory.stat"), "anon 1\ninactive_file " + 4 * GIB + "\n");
        assertThat(AvailableMemory.read(meminfo, folder))
                .isEqualTo(new AvailableMemory(8 * GIB, 7 * GIB));
    }

    @Test
    void aContainerWithoutALimitIsNone() throws IOException {
        Files.writeString(folder.resolve("memory.max"), "max\n");
        assertThat(AvailableMemory.read(meminfo, folder).totalBytes()).isEqualTo(64 * GIB);
    }

    @Test
    void whereLittleIsFreeNothingIsTaken() {
        assertThat(AvailableMemory.forRun(2 * GIB, GIB)).isZero();
    }
}
