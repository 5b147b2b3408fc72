package io.millrace.prefetch.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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

    private AvailableMemory read(String... membership) throws IOException {
        Path self = Files.write(folder.resolve("self"), List.of(membership));
        return AvailableMemory.read(meminfo, new MemoryGroups(self, folder.resolve("cgroup")));
    }

    private void group(String place, String... files) throws IOException {
        Path group = Files.createDirectories(folder.resolve("cgroup").resolve(place));
        for (int i = 0; i < files.length; i += 2) {
            Files.writeString(group.resolve(files[i]), files[i + 1] + "\n");
        }
    }

    @Test
    void withoutAContainerTheKernelSaysIt() throws IOException {
        AvailableMemory memory = read();
        assertThat(memory).isEqualTo(new AvailableMemory(64 * GIB, 48 * GIB));
        assertThat(memory.forRun()).isBetween(40 * GIB, 47 * GIB);
    }

    @Test
    void aContainersLimitCountsAndItsPageCacheDoesNot() throws IOException {
        group(
                "",
                "memory.max",
                "" + 8 * GIB,
                "memory.current",
                "" + 5 * GIB,
                "memory.stat",
                "anon 1\ninactive_file " + 4 * GIB);
        assertThat(read("0::/")).isEqualTo(new AvailableMemory(8 * GIB, 7 * GIB));
        assertThat(read()).isEqualTo(new AvailableMemory(8 * GIB, 7 * GIB));
    }

    @Test
    void aContainerWithoutALimitIsNone() throws IOException {
        group("", "memory.max", "max");
        group("memory", "memory.limit_in_bytes", "9223372036854771712");
        assertThat(read("0::/", "4:memory:/").totalBytes()).isEqualTo(64 * GIB);
    }

    @Test
    void theTightestOfAGroupAndThoseThatHoldItCounts() throws IOException {
        group("jobs.slice", "memory.max", "" + 16 * GIB, "memory.current", "" + 15 * GIB);
        group("jobs.slice/mine", "memory.max", "" + 8 * GIB, "memory.current", "" + GIB);
        group("jobs.slice/mine/inner", "memory.max", "max", "memory.current", "" + GIB);
        group("other", "memory.max", "" + GIB);
        assertThat(read("0::/jobs.slice/mine/inner")).isEqualTo(new AvailableMemory(8 * GIB, GIB));
    }

    @Test
    void limitsOfVersionOneCount() throws IOException {
        group(
                "memory/docker/1f2e",
                "memory.limit_in_bytes",
                "" + 8 * GIB,
                "memory.usage_in_bytes",
                "" + 5 * GIB,
                "memory.stat",
                "inactive_file 1\ntotal_inactive_file " + 4 * GIB);
        assertThat(read("3:cpu:/other", "9:hugetlb,memory:/docker/1f2e", "0::/"))
                .isEqualTo(new AvailableMemory(8 * GIB, 7 * GIB));
    }

    @Test
    void aPathOfTheHostLeadsToTheMountsRoot() throws IOException {
        group("memory", "memory.limit_in_bytes", "" + 8 * GIB);
        assertThat(read("9:memory:/docker/of the host").totalBytes()).isEqualTo(8 * GIB);
        assertThat(read("9:memory:/../..").totalBytes()).isEqualTo(8 * GIB);
    }

    @Test
    void whereLittleIsFreeNothingIsTaken() {
        assertThat(AvailableMemory.forRun(2 * GIB, GIB)).isZero();
    }
}
