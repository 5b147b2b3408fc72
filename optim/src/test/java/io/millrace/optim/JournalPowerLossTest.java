package io.millrace.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.millrace.memory.BadInputException;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.TierFullException;
import io.millrace.memory.file.Disk;
import io.millrace.memory.file.FaultyDisk;
import io.millrace.memory.file.PowerLoss;
import io.millrace.memory.file.RecordingDisk;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.Journal;
import io.millrace.optim.journal.JournalHeader;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.journal.JournalWriter;
import io.millrace.optim.random.SplitMix64;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Loses power between any two operations on a journal: no step that was durable is lost. */
@ExtendWith(SeedExtension.class)
final class JournalPowerLossTest {
    private static final int VARIANTS = Integer.getInteger("test.variants", 4);
    private static final JournalHeader HEADER =
            new JournalHeader(
                    42,
                    "crc32c:1234",
                    "mezo-sgd",
                    "gaussian",
                    1,
                    1,
                    Rounding.NEAREST,
                    "float32",
                    0,
                    Map.of());
    private static final List<StepRecord> STEPS =
            LongStream.rangeClosed(1, 6).mapToObj(JournalPowerLossTest::step).toList();

    @TempDir Path temp;
    private Path before;
    private Path work;
    private Path image;

    /** What the journal said: the last durable step, 0 where there is a journal at all. */
    private record Durable(long step) {}

    private static StepRecord step(long step) {
        long seed = SplitMix64.output(HEADER.runSeed(), step);
        return StepRecord.twoSided(
                step, seed, 1e-3, 1e-3, 0, List.of(QueryResult.twoSided(seed, 2, 1, 0.5 * step)));
    }

    @BeforeEach
    void makeFolders() throws IOException {
        before = Files.createDirectory(temp.resolve("before"));
        work = Files.createDirectory(temp.resolve("work"));
        image = temp.resolve("image");
    }

    private static void go(JournalWriter journal, RecordingDisk disk, long from, long through) {
        for (long step = from; step <= through; step++) {
            journal.append(STEPS.get((int) step - 1));
            if (step != 2) { // two in a row, too
                journal.force();
                disk.mark(new Durable(journal.durableStep()));
            }
        }
    }

    @Test
    void aNewJournalKeepsWhatItPromised(@Seed long seed) throws IOException {
        RecordingDisk disk = new RecordingDisk(work);
        try (JournalWriter journal = JournalWriter.create(disk, file(work), HEADER)) {
            disk.mark(new Durable(0));
            go(journal, disk, 1, 6);
        }
        everyCutKeepsThePromise(new PowerLoss(before, disk.operations()), -1, seed);
    }

    @Test
    void aResumedJournalKeepsWhatItPromised(@Seed long seed) throws IOException {
        try (JournalWriter journal = JournalWriter.create(file(work), HEADER)) {
            go(journal, new RecordingDisk(work), 1, 3);
        }
        Files.writeString(file(work), "{\"step\":4,\"se", StandardOpenOption.APPEND);
        Files.copy(file(work), file(before));
        RecordingDisk disk = new RecordingDisk(work);
        Journal read = JournalReader.read(file(work));
        assertThat(read.tornBytes()).isPositive();
        try (JournalWriter journal = JournalWriter.resume(disk, file(work), read)) {
            go(journal, disk, 4, 6);
        }
        everyCutKeepsThePromise(new PowerLoss(before, disk.operations()), 3, seed);
    }

    private void everyCutKeepsThePromise(PowerLoss power, long first, long seed)
            throws IOException {
        for (int cut = 0; cut <= power.length(); cut++) {
            long promised = power.lastMark(cut, Durable.class, new Durable(first)).step();
            power.kill(cut, image);
            check(promised);
            for (int variant = 0; variant < VARIANTS; variant++) {
                power.cut(cut, seed + variant, image);
                check(promised);
            }
        }
    }

    private void check(long promised) throws IOException {
        Path file = file(image);
        if (promised < 0) { // it never was: what there is must not look like a journal
            assertThat(Files.exists(file) && Files.readString(file).contains("\n{")).isFalse();
            return;
        }
        Journal journal = JournalReader.read(file);
        assertThat(journal.header()).isEqualTo(HEADER);
        assertThat(journal.lastStep()).isGreaterThanOrEqualTo(promised);
        assertThat(journal.records()).isEqualTo(STEPS.subList(0, (int) journal.lastStep()));
        try (JournalWriter writer = JournalWriter.resume(new RecordingDisk(image), file, journal)) {
            STEPS.subList((int) journal.lastStep(), STEPS.size()).forEach(writer::append);
        }
        assertThat(JournalReader.read(file).records()).isEqualTo(STEPS);
    }

    @Test
    void aJournalThatCannotBeStartedIsRefusedAndNotThere() {
        for (FaultyDisk.Fault fault : List.of(FaultyDisk.Fault.FULL, FaultyDisk.Fault.SYNC)) {
            for (int at = 0; at < 2; at++) {
                Disk disk = new FaultyDisk(fault, at);
                assertThatThrownBy(() -> JournalWriter.create(disk, file(work), HEADER))
                        .isInstanceOf(BadInputException.class)
                        .hasMessageContaining(file(work).toString());
                assertThat(file(work)).doesNotExist();
            }
        }
    }

    @Test
    void aFullDiskCostsTheStepAndNoOther() throws IOException {
        FaultyDisk disk = new FaultyDisk(FaultyDisk.Fault.FULL, 4);
        try (JournalWriter journal = JournalWriter.create(disk, file(work), HEADER)) {
            journal.append(STEPS.get(0));
            journal.append(STEPS.get(1));
            journal.force();
            assertThatThrownBy(() -> journal.append(STEPS.get(2)))
                    .isInstanceOf(TierFullException.class)
                    .hasMessageContaining(file(work) + ": the disk is full; free some space");
            assertThat(journal.lastStep()).isEqualTo(2);
        }
        assertThat(JournalReader.read(file(work)).records()).isEqualTo(STEPS.subList(0, 2));
        assertThat(Files.readString(file(work), StandardCharsets.UTF_8)).endsWith("}\n");
    }

    @Test
    void afterAFailedSyncNothingIsPromisedAnyMore() throws IOException {
        FaultyDisk disk = new FaultyDisk(FaultyDisk.Fault.SYNC, 3);
        try (JournalWriter journal = JournalWriter.create(disk, file(work), HEADER)) {
            journal.append(STEPS.get(0));
            journal.force();
            journal.append(STEPS.get(1));
            assertThatThrownBy(journal::force)
                    .isInstanceOf(UncheckedIOException.class)
                    .hasMessageContaining(file(work).toString());
            assertThatThrownBy(journal::force).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> journal.append(STEPS.get(2)))
                    .isInstanceOf(IllegalStateException.class);
            assertThat(journal.durableStep()).isEqualTo(1);
        }
        assertThat(JournalReader.read(file(work)).lastStep()).isGreaterThanOrEqualTo(1);
    }

    @Test
    void everyFaultIsToldAtOnceAndARunGoesOnFromWhatCounted() throws IOException {
        for (FaultyDisk.Fault fault : FaultyDisk.Fault.values()) {
            int faults = 0;
            while (true) {
                Path file = temp.resolve(fault + "-" + faults + ".jsonl");
                long[] durable = {-1};
                FaultyDisk disk = new FaultyDisk(fault, faults);
                Throwable failure = catchThrowable(() -> writeAll(disk, file, durable));
                if (failure == null) {
                    break;
                }
                assertThat(failure)
                        .isInstanceOfAny(
                                BadInputException.class,
                                TierFullException.class,
                                UncheckedIOException.class)
                        .hasMessageContaining(file.toString());
                if (durable[0] >= 0) {
                    goOnFrom(file, durable[0]);
                }
                faults++;
            }
            assertThat(faults).as(fault.toString()).isGreaterThan(STEPS.size());
        }
    }

    private static void writeAll(Disk disk, Path file, long[] durable) {
        try (JournalWriter journal = JournalWriter.create(disk, file, HEADER)) {
            durable[0] = 0;
            for (StepRecord step : STEPS) {
                journal.append(step);
                journal.force();
                durable[0] = journal.durableStep();
            }
        }
    }

    private static void goOnFrom(Path file, long durable) throws IOException {
        Journal read = JournalReader.read(file);
        assertThat(read.lastStep()).isGreaterThanOrEqualTo(durable);
        assertThat(read.records()).isEqualTo(STEPS.subList(0, (int) read.lastStep()));
        try (JournalWriter journal = JournalWriter.resume(file, read)) {
            STEPS.subList((int) read.lastStep(), STEPS.size()).forEach(journal::append);
        }
        assertThat(JournalReader.read(file).records()).isEqualTo(STEPS);
    }

    private static Path file(Path folder) {
        return folder.resolve("journal.jsonl");
    }
}
