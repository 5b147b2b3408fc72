package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.millrace.memory.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Places that a run has not to itself: a drive that another run uses too, a base that is read-only.
 */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class SharedPlacesTest {
    private static final int STEPS = 40;

    @TempDir Path temp;

    @Tag("long")
    @Test
    void twoRunsOnOneDriveDoNotMeet() throws Exception {
        LongRun one = prepare("one", "bfloat16");
        LongRun other = prepare("other", "float32");
        Path drive = temp.resolve("drive");
        List<String> placeOfOne = streamed(one, drive);
        List<String> placeOfOther = streamed(other, drive);

        try (ChildProcess second = other.start(placeOfOther)) {
            try (ChildProcess first = one.start(placeOfOne)) {
                assertThat(first.await(() -> one.journalLines() > STEPS / 4)).isTrue();
                first.kill();
            }
            try (ChildProcess first = one.start(placeOfOne)) {
                assertThat(first.exitCode()).as(first.said()).isZero();
            }
            assertThat(second.exitCode()).as(second.said()).isZero();
        }

        one.assertSameEnd("killed once");
        other.assertSameEnd("beside it");
        try (Stream<Path> left = Files.list(drive)) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void aBaseThatCannotBeWrittenIsOnlyRead() throws Exception {
        Path model = TestModel.write(temp.resolve("model"), DType.BF16, 12, 192);
        Path data = TestModel.data(temp.resolve("ids.jsonl"), 6);
        Path out = temp.resolve("out");
        List<String> tune =
                List.of("tune", "--model=" + model, "--train=" + data, "--steps=6", "--out=" + out);
        String refusal =
                new RealCommand(temp).refused(RealCommand.with(tune, "--host-budget=4KiB"));
        String budget = "--host-budget=" + LongRun.smallest(refusal);
        String script =
                "mount --bind M M && mount -o remount,bind,ro M && ! touch M/any 2> L && exec \"$@\"";
        List<String> wrapper = readOnly(script, model);
        assumeThat(new ProcessBuilder(readOnly(script, model, "true")).start().waitFor())
                .as("a private read-only mount can be had")
                .isZero();

        try (ChildProcess child =
                ChildProcess.start(temp.resolve("log"), wrapper, RealCommand.with(tune, budget))) {
            assertThat(child.exitCode()).as(child.said()).isZero();
        }

        assertThat(out.resolve("model.safetensors")).exists();
    }

    private List<String> readOnly(String script, Path model, String... command) {
        String whole =
                script.replace("M", model.toString()).replace(" L ", " " + temp + "/denied ");
        return Stream.concat(
                        Stream.of("unshare", "--map-root-user", "--mount", "sh", "-c", whole, "sh"),
                        Stream.of(command))
                .toList();
    }

    private LongRun prepare(String name, String dtype) throws IOException {
        Path folder = Files.createDirectory(temp.resolve(name));
        return LongRun.prepare(folder, dtype, STEPS, 1, false);
    }

    private static List<String> streamed(LongRun run, Path drive) {
        return List.of("--host-budget=" + run.smallestHostBudget(), "--nvme-dir=" + drive);
    }
}
