package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.millrace.cli.context.ExitCode;
import io.millrace.memory.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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

    @ParameterizedTest
    @CsvSource({
        // Whatever comes first once another program has taken all that was left.
        "64m, --checkpoint-every=4, true"
    })
    void aDiskThatFillsUpInMidRunCostsNoStep(String size, String option, boolean filled)
            throws Exception {
        fill(size, filled, List.of(option), List.of());
    }

    private void fill(String size, boolean filled, List<String> saves, List<String> method)
            throws Exception {
        Path expected = temp.resolve("expected");
        List<String> run = longer(method.toArray(String[]::new));
        new RealCommand(model).done(RealCommand.with(run, "--out=" + expected));
        Path out = disk.resolve("out");
        Path rescued = temp.resolve("rescued");
        String filler =
                filled
                        ? "(until [ -s D/out/metrics.jsonl ]; do sleep 0.02; done;"
                                + " cat /dev/zero > D/filler 2> F/ignored) & "
                        : "";
        String script =
                ("mount -t tmpfs -o size="
                                + size
                                + " tmpfs D && { "
                                + filler
                                + "\"$@\"; echo exit $?; wait; rm -f D/filler;"
                                + " mount -o remount,size=200m D; \"$@\" --resume; echo exit $?;"
                                + " cp -r D/out F/rescued; }")
                        .replace("D/", disk + "/")
                        .replace(" D ", " " + disk + " ")
                        .replace(" D;", " " + disk + ";")
                        .replace("F/", temp + "/");
        List<String> wrapper =
                List.of("unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh");
        List<String> arguments = RealCommand.with(run, "--out=" + out);
        arguments = RealCommand.with(arguments, saves.toArray(String[]::new));
        try (ChildProcess child = ChildProcess.start(temp.resolve("log"), wrapper, arguments)) {
            assertThat(child.exitCode()).as(child.said()).isZero();
            List<String> said = child.said().lines().toList();
            assertThat(said.stream().filter(line -> line.startsWith("exit ")).toList())
                    .as(child.said())
                    .hasSize(2)
                    .last()
                    .isEqualTo("exit 0");
            assertThat(said)
                    .as(child.said())
                    .anyMatch(line ->
                            line.startsWith("millrace: ")
                                    && (line.contains("disk") || line.contains("space")));
        }
        for (String name : List.of("model.safetensors", "journal.jsonl")) {
            assertThat(Files.mismatch(rescued.resolve(name), expected.resolve(name)))
                    .as(name)
                    .isEqualTo(-1);
        }
    }

    @Tag("long")
    @ParameterizedTest
    @CsvSource({
        // The second checkpoint, while the first is there.
        "18m, --checkpoint-every=2, false",
        // The model itself, beside a checkpoint.
        "16m, --checkpoint-every=10, false"
    })
    void norDoesOneThatIsTooSmallForWhatIsSaved(String size, String option, boolean filled)
            throws Exception {
        aDiskThatFillsUpInMidRunCostsNoStep(size, option, filled);
    }

    /**
     * Nothing but what was saved makes its steps again: that is there while the next is written.
     */
    @Tag("long")
    @ParameterizedTest
    @CsvSource({
        // The second checkpoint, of 10 MB and 20 MB of moments, while the first is there.
        "45m, --checkpoint-every=2, false",
        "90m, --checkpoint-every=4, true"
    })
    void soItIsWithOneAlongTheGradient(String size, String option, boolean filled)
            throws Exception {
        List<String> method =
                List.of("--method=sgd", "--momentum=0.9", "--rounding=stochastic", "--lr=1e-2");
        fill(size, filled, List.of(option), method);
    }

    private List<String> longer(String... more) {
        return RealCommand.with(
                List.of(
                        "tune",
                        "--model=" + model,
                        "--train=" + data,
                        "--batch-size=2",
                        "--steps=12"),
                more);
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
