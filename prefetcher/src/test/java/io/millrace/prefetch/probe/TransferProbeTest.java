package io.millrace.prefetch.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.nvme.io.IoPath;
import io.millrace.prefetch.plan.Machine;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TransferProbeTest {
    private static final long BLOCK = 64 << 10;

    @TempDir Path folder;

    @Test
    void aDriveHasRatesAndKeepsNothing() {
        DriveProbe.Result result = DriveProbe.run(folder, BLOCK);
        Machine.Drive drive = result.drive();
        assertThat(drive.readBytesPerSecond()).isPositive();
        assertThat(drive.writeBytesPerSecond()).isPositive();
        assertThat(drive.readWhileWriting())
                .isPositive()
                .isLessThanOrEqualTo(drive.readBytesPerSecond());
        assertThat(drive.writeWhileReading())
                .isPositive()
                .isLessThanOrEqualTo(drive.writeBytesPerSecond());
        assertThat(drive.syncSeconds()).isPositive();
        assertThat(drive.freeBytes()).isPositive();
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void everyGapComesWithWhatToDo() {
        Machine.Drive drive = new Machine.Drive(1, 1, 1, 1, 0, 0, 0, 1 << 20, "page cache");
        Machine.Host host = new Machine.Host(2, 1L << 34, 1L << 33, 1, 1, 8 << 20);
        IoPath path =
                new IoPath(
                        "pread/pwrite",
                        false,
                        List.of("io_uring refused: EPERM", "O_DIRECT refused in /x: EINVAL"));
        List<String> gaps = Gaps.find(folder, path, drive, host);
        assertThat(gaps).anySatisfy(gap -> assertThat(gap).contains("io_uring", "seccomp"));
        assertThat(gaps).anySatisfy(gap -> assertThat(gap).contains("O_DIRECT", "--nvme-dir"));
        assertThat(gaps).anySatisfy(gap -> assertThat(gap).contains("8.00MiB", "ulimit -l"));
        assertThat(gaps).anySatisfy(gap -> assertThat(gap).contains("1.00MiB", folder.toString()));
        assertThat(gaps).allSatisfy(gap -> assertThat(gap).contains(";"));
    }

    @Test
    void aMachineWithRoomMissesNeitherDiskNorLocks() {
        Machine.Drive drive = new Machine.Drive(1, 1, 1, 1, 0, 0, 0, 1L << 40, "io_uring");
        Machine.Host host = new Machine.Host(2, 1L << 34, 1L << 33, 1, 1, -1);
        List<String> gaps = Gaps.find(folder, new IoPath("io_uring", true, List.of()), drive, host);
        assertThat(gaps).noneSatisfy(gap -> assertThat(gap).containsAnyOf("pinned", "free in"));
    }
}
