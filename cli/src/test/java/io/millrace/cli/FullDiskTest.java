package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.millrace.memory.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A disk without room is met before any work. The disk is one of 1 MiB that only the child sees;
 * where no such one can be had, nothing is tested.
 */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class FullDiskTest {
    @TempDir Path temp;
    private Path model;
    private Path data;
    private Path disk;

    @BeforeEach
    void writeModel() throws Exception {
        disk = Files.createDirectory(temp.resolve("disk"));
        assumeThat(canMount()).as("a private tmpfs can be mounted").isTrue();
        model = TestModel.write(temp.resolve("model"), DType.BF16, 12, 192);
        data = TestModel.data(temp.resolve("ids.jsonl"), 6);
    }

    @Test
    void tuneRefusesADiskWithoutRoomForTheModel() throws Exception {
        Path out = disk.resolve("out");

        assertThat(refused(tune("--out=" + out)))
                .startsWith("millrace: " + out + ": needs ")
                .contains("but the disk has 1.00MiB left; free some space");
    }

    @Test
    void tuneRefusesADiskWithoutRoomForChangedBlocks() throws Exception {
        Path out = temp.resolve("out");
        String line = new RealCommand(temp).refused(tune("--out=" + out, "--host-budget=4KiB"));
        String budget = "--host-budget=" + LongRun.smallest(line);

        assertThat(refused(tune("--out=" + out, budget, "--nvme-dir=" + disk)))
                .startsWith("millrace: " + disk + ": needs ")
                .contains("but the disk has 1.00MiB left; free some space");
        assertThat(out).doesNotExist();
    }

    private List<String> tune(String... more) {
        return RealCommand.with(
                List.of("tune", "--model=" + model, "--train=" + data, "--steps=3"), more);
    }

    private String refused(List<String> arguments) throws Exception {
        try (ChildProcess child =
                ChildProcess.start(temp.resolve("log"), onSmallDisk("exec \"$@\""), arguments)) {
            assertThat(child.exitCode()).as(child.said()).isEqualTo(ExitCode.BAD_INPUT);
            List<String> lines =
                    child.said().lines().filter(line -> !line.startsWith("WARNING")).toList();
            assertThat(lines).hasSize(1);
            return lines.getFirst();
        }
    }

    private boolean canMount() throws InterruptedException {
        try {
            return new ProcessBuilder(onSmallDisk("true")).start().waitFor() == 0;
        } catch (IOException e) {
            return false; // There is no unshare command.
        }
    }

    private List<String> onSmallDisk(String command) {
        String mount = "mount -t tmpfs -o size=1m tmpfs '" + disk + "' && ";
        return List.of("unshare", "--map-root-user", "--mount", "sh", "-c", mount + command, "sh");
    }
}
