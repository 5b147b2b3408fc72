package io.millrace.executor.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.millrace.memory.BadInputException;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.TierFullException;
import io.millrace.memory.file.Disk;
import io.millrace.memory.file.DurableFiles;
import io.millrace.memory.file.FaultyDisk;
import io.millrace.memory.file.PowerLoss;
import io.millrace.memory.file.RecordingDisk;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Loses power between any two operations on a run's folder and its checkpoints. */
@ExtendWith(SeedExtension.class)
final class RunFolderPowerLossTest {
    private static final int VARIANTS = Integer.getInteger("test.variants", 4);

    @TempDir Path temp;
    private Path before;
    private Path work;
    private Path image;

    /** What was promised: the last whole checkpoint. */
    private record Whole(long step) {}

    @BeforeEach
    void makeFolders() throws IOException {
        before = Files.createDirectory(temp.resolve("before"));
        work = Files.createDirectory(temp.resolve("work"));
        image = temp.resolve("image");
    }

    /** Stands for the weights: two files that belong together, named once both are durable. */
    private static void save(Disk disk, RunCheckpoints checkpoints, long step) {
        DurableFiles files = new DurableFiles(disk);
        Path place = checkpoints.place(step);
        files.createFolders(place);
        byte[] content = Long.toString(step).getBytes(StandardCharsets.UTF_8);
        for (String name : new String[] {"weights", "config"}) {
            files.replace(place.resolve(name), content);
        }
        checkpoints.mark(step, List.of(), 7, 0);
    }

    private static RunCheckpoints checkpoints(Disk disk, Path run) {
        return new RunCheckpoints(new DurableFiles(disk), run);
    }

    @Test
    void theNewestCheckpointIsWholeWheneverThePowerFails(@Seed long seed) throws IOException {
        RecordingDisk disk = new RecordingDisk(work);
        RunCheckpoints checkpoints = checkpoints(disk, work.resolve("run"));
        for (long step = 10; step <= 30; step += 10) {
            save(disk, checkpoints, step);
            disk.mark(new Whole(step));
        }
        disk.mark(new Whole(0)); // the model was saved: from here on none is needed
        checkpoints.removeAll();
        assertThat(work.resolve("run")).isEmptyDirectory();
        PowerLoss power = new PowerLoss(before, disk.operations());
        for (int cut = 0; cut <= power.length(); cut++) {
            long promised = power.lastMark(cut, Whole.class, new Whole(0)).step();
            power.kill(cut, image);
            checkNewest(promised);
            for (int variant = 0; variant < VARIANTS; variant++) {
                power.cut(cut, seed + variant, image);
                checkNewest(promised);
            }
        }
    }

    private void checkNewest(long promised) throws IOException {
        RunCheckpoints found = new RunCheckpoints(image.resolve("run"));
        Optional<RunCheckpoints.Saved> newest = found.newest();
        assertThat(newest.map(RunCheckpoints.Saved::foldedThrough).orElse(0L))
                .isGreaterThanOrEqualTo(promised);
        if (newest.isPresent()) {
            String step = Long.toString(newest.get().foldedThrough());
            assertThat(newest.get().path().resolve("weights")).hasContent(step);
            assertThat(newest.get().path().resolve("config")).hasContent(step);
        }
        Disk disk = new RecordingDisk(image);
        save(disk, checkpoints(disk, image.resolve("run")), 40); // whatever was left there
        assertThat(found.newest().orElseThrow().foldedThrough()).isEqualTo(40);
        assertThat(image.resolve("run/checkpoints")).isDirectoryContaining("glob:**/step-40");
        try (var entries = Files.list(image.resolve("run/checkpoints"))) {
            assertThat(entries).hasSize(1);
        }
    }

    @Test
    void aFullDiskCostsTheCheckpointUnderWayAndNoOther() {
        Path run = work.resolve("run");
        save(Disk.system(), new RunCheckpoints(run), 10);
        int faults = 0;
        while (true) {
            FaultyDisk disk = new FaultyDisk(FaultyDisk.Fault.FULL, faults);
            Throwable failure = catchThrowable(() -> save(disk, checkpoints(disk, run), 20));
            if (failure == null) {
                break;
            }
            assertThat(failure)
                    .isInstanceOf(TierFullException.class)
                    .hasMessageContaining("the disk is full; free some space there");
            assertThat(new RunCheckpoints(run).newest().orElseThrow().foldedThrough())
                    .isEqualTo(10);
            faults++;
        }
        assertThat(faults).isEqualTo(6); // the folder is there after the first try
        assertThat(new RunCheckpoints(run).newest().orElseThrow().foldedThrough()).isEqualTo(20);
    }

    @Test
    void theRunFileAndItsFolderAreThereForGood(@Seed long seed) throws IOException {
        RecordingDisk disk = new RecordingDisk(work);
        Path run = work.resolve("some/run");
        try (RunFolder folder = RunFolder.open(new DurableFiles(disk), run, false)) {
            disk.mark(new Whole(0));
            folder.writeRunFile(Map.of("options", "first"));
            disk.mark(new Whole(1));
            folder.writeRunFile(Map.of("options", "second"));
            disk.mark(new Whole(2));
        }
        assertThat(run).isDirectoryNotContaining("glob:**.lock");
        PowerLoss power = new PowerLoss(before, disk.operations());
        for (int cut = 0; cut <= power.length(); cut++) {
            long promised = power.lastMark(cut, Whole.class, new Whole(-1)).step();
            for (int variant = 0; variant < VARIANTS; variant++) {
                power.cut(cut, seed + variant, image);
                Path file = image.resolve("some/run/run.json");
                if (promised >= 0) {
                    assertThat(file.getParent()).isDirectory();
                }
                if (promised > 0 || Files.exists(file)) {
                    assertThat(Files.readString(file))
                            .containsAnyOf(
                                    promised < 2 ? "first" : "second",
                                    promised < 1 ? "first" : "second");
                }
            }
        }
    }

    @Test
    void aFolderHasOneRun() {
        Path run = work.resolve("run");
        RunFolder first = RunFolder.open(run, false);
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> RunFolder.open(run, false))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("is in use by another run");
        }
        first.close();
        assertThat(run).isEmptyDirectory();
        RunFolder.open(run, false).close();
    }
}
