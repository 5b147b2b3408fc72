package io.millrace.executor.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.Runs;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.StepProgress;
import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a run finds when it goes on, and what it, or a clean-up, takes away. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class LeftoversTest {
    private static final int STEPS = 12;

    @TempDir Path temp;
    private Path model;
    private Path data;
    private long smallest;
    private Path out;
    private Map<String, byte[]> expected;

    @BeforeEach
    void prepare() throws IOException {
        data = Runs.data(temp, 41, 10);
        model = Runs.deepModel(temp.resolve("model"), "llama", "bfloat16");
        out = temp.resolve("out");
        TuningRun.run(config(temp.resolve("expected")).build(), RunListener.SILENT);
        expected = Runs.result(temp.resolve("expected"));
    }

    private TuneConfigBuilder config(Path folder) {
        return Runs.config(model, data, folder).queries(1).batchSize(2).steps(STEPS);
    }

    private TuneConfigBuilder streamed(Optional<Path> nvmeDir) {
        return config(out).memory(memory(smallestHostBudget(), nvmeDir)).checkpointEvery(3);
    }

    private static MemoryConfig memory(long host, Optional<Path> nvmeDir) {
        return new MemoryConfig(
                "cpu",
                OptionalLong.empty(),
                host == 0 ? OptionalLong.empty() : OptionalLong.of(host),
                nvmeDir,
                OptionalLong.empty(),
                2,
                true);
    }

    private long smallestHostBudget() {
        if (smallest == 0) {
            smallest =
                    Runs.smallestBudget(budget ->
                            config(temp.resolve("probe" + budget))
                                    .memory(memory(budget, Optional.empty()))
                                    .steps(1));
        }
        return smallest;
    }

    private static void cut(TuneConfigBuilder config, long after) {
        assertThatThrownBy(() -> TuningRun.run(config.build(), Runs.cutAfter(after)))
                .isInstanceOf(Runs.Cut.class);
    }

    private void assertSameEnd() throws IOException {
        Runs.assertSame(out, expected, "");
        assertThat(out.resolve("blocks")).doesNotExist();
        assertThat(out.resolve("checkpoints")).doesNotExist();
        assertThat(out.resolve("blocks.json")).doesNotExist();
    }

    @Test
    void blocksThatAreDamagedInTheStoreAreRebuilt() throws IOException {
        TuneConfigBuilder run = streamed(Optional.empty());
        cut(run, 7);
        Path blocks = out.resolve("blocks/blocks.dat");
        byte[] bytes = Files.readAllBytes(blocks);
        for (int at = 512; at < bytes.length; at += 4096) {
            bytes[at] ^= 4;
        }
        Files.write(blocks, bytes);
        TuningRun.run(run.resume(true).build(), RunListener.SILENT);
        assertSameEnd();
    }

    @Test
    void aStoreWhoseManifestIsDamagedOrWhoseDataIsCutShortIsLeftOut() throws IOException {
        for (String name : List.of("manifest.dat", "blocks.dat")) {
            TuneConfigBuilder run = streamed(Optional.empty());
            cut(run, 7);
            Path file = out.resolve("blocks").resolve(name);
            byte[] bytes = Files.readAllBytes(file);
            if (name.equals("manifest.dat")) {
                bytes[3] ^= 1;
                Files.write(file, bytes);
            } else {
                Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
            }
            TuningRun.run(run.resume(true).build(), RunListener.SILENT);
            assertSameEnd();
            Leftovers.remove(out);
        }
    }

    @Test
    void aDamagedCheckpointIsFoundAndRebuilt() throws IOException {
        TuneConfigBuilder run = config(out).checkpointEvery(4);
        cut(run, 9);
        Path weights = out.resolve("checkpoints/step-8/model.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        bytes[bytes.length - 100] ^= 1;
        Files.write(weights, bytes);
        TuningRun.run(run.resume(true).build(), RunListener.SILENT);
        assertSameEnd();
    }

    @Test
    void aStoreOrACheckpointThatIsNewerThanTheJournalIsRefused() throws IOException {
        for (boolean streams : new boolean[] {true, false}) {
            TuneConfigBuilder run =
                    streams ? streamed(Optional.empty()) : config(out).checkpointEvery(3);
            cut(run, 2);
            byte[] journal = Files.readAllBytes(out.resolve("journal.jsonl"));
            cut(run.resume(true), 7);
            byte[] newer = Files.readAllBytes(out.resolve("journal.jsonl"));
            Files.write(out.resolve("journal.jsonl"), journal);
            assertThatThrownBy(() -> TuningRun.run(run.build(), RunListener.SILENT))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("the journal ends with")
                    .hasMessageContaining(streams ? "blocks" : "step-6");
            assertThat(Files.readAllBytes(out.resolve("journal.jsonl"))).isEqualTo(journal);
            Files.write(out.resolve("journal.jsonl"), newer);
            TuningRun.run(run.build(), RunListener.SILENT);
            assertSameEnd();
            Leftovers.remove(out);
        }
    }

    @Test
    void aRunThatHasRoomForEverythingRemovesTheStoreThatItBeganFrom() throws IOException {
        Path drive = temp.resolve("drive");
        cut(streamed(Optional.of(drive)), 7);
        assertThat(Leftovers.entries(drive)).hasSize(1);
        cut(config(out).checkpointEvery(2).resume(true), 9);
        assertThat(Leftovers.entries(drive)).isEmpty();
        assertThat(out.resolve("checkpoints/step-8")).isDirectory();
        TuningRun.run(config(out).resume(true).build(), RunListener.SILENT);
        assertSameEnd();
    }

    @Test
    void aDriveThatIsGoneCostsOnlyTime() throws IOException {
        Path drive = temp.resolve("drive");
        cut(streamed(Optional.of(drive)), 7);
        Leftovers.remove(drive);
        TuningRun.run(streamed(Optional.empty()).resume(true).build(), RunListener.SILENT);
        assertSameEnd();
    }

    @Test
    void aFolderThatWasMovedGoesOnWithItsStore() throws IOException {
        Path drive = temp.resolve("drive");
        cut(streamed(Optional.of(drive)), 7);
        Path moved = temp.resolve("moved");
        Files.move(out, moved);
        out = moved;
        TuningRun.run(streamed(Optional.of(drive)).resume(true).build(), RunListener.SILENT);
        assertSameEnd();
        assertThat(Leftovers.entries(drive)).isEmpty();
    }

    @Test
    void aFolderThatIsMovedUnderARunIsNotSavedTo() throws IOException {
        Path moved = temp.resolve("moved");
        RunListener mover =
                new RunListener() {
                    @Override
                    public void onStep(StepProgress progress) {
                        if (progress.step() == 5) {
                            try {
                                Files.move(out, moved);
                            } catch (IOException e) {
                                throw new UncheckedIOException(e);
                            }
                        }
                    }
                };
        assertThatThrownBy(() -> TuningRun.run(config(out).build(), mover))
                .hasMessageContaining(out + " was moved or removed");
        assertThat(out).doesNotExist();
        out = moved;
        TuningRun.run(config(out).resume(true).build(), RunListener.SILENT);
        assertSameEnd();
    }

    @Test
    void aFinishedRunSaysSoAndTouchesNothing() throws IOException {
        TuningRun.run(config(out).build(), RunListener.SILENT);
        Map<String, byte[]> before = Runs.result(out);
        byte[] metrics = Files.readAllBytes(out.resolve("metrics.jsonl"));
        byte[] runFile = Files.readAllBytes(out.resolve("run.json"));
        RunSummary again = TuningRun.run(config(out).resume(true).build(), RunListener.SILENT);
        assertThat(again.alreadyDone()).isTrue();
        assertThat(again.stepsDone()).isEqualTo(STEPS);
        assertThat(again.lastLoss()).isFinite().isPositive();
        assertThat(Runs.result(out).keySet()).isEqualTo(before.keySet());
        assertThat(Files.readAllBytes(out.resolve("metrics.jsonl"))).isEqualTo(metrics);
        assertThat(Files.readAllBytes(out.resolve("run.json"))).isEqualTo(runFile);
    }

    @Test
    void aFinishedRunGoesOnFromItsModelWhenItIsGivenMoreSteps() throws IOException {
        TuningRun.run(config(out).steps(STEPS - 5).build(), RunListener.SILENT);
        TuneConfigBuilder more = config(out).resume(true);
        cut(more, STEPS - 3);
        TuningRun.run(more.build(), RunListener.SILENT);
        assertSameEnd();
    }

    @Test
    void aRunWhoseMemoryIsRefusedLeavesNothing() {
        for (Path place : List.of(out, temp.resolve("in/a/new/one"))) {
            TuneConfigBuilder refused = config(place).memory(memory(4096, Optional.empty()));
            assertThatThrownBy(() -> TuningRun.run(refused.build(), RunListener.SILENT))
                    .isInstanceOf(BadInputException.class);
        }
        assertThat(out).doesNotExist();
        assertThat(temp.resolve("in")).doesNotExist();
    }

    @Test
    void cleaningRemovesWhatNobodyNeedsAndNothingElse() throws IOException {
        Path drive = temp.resolve("drive");
        cut(streamed(Optional.of(drive)), 7);
        Files.createDirectories(out.resolve("checkpoints/step-99"));
        Files.writeString(out.resolve("checkpoints/step-99/config.json"), "{}");
        Files.writeString(out.resolve("model.safetensors.part"), "half");
        assertThat(Cleaning.find(drive, false)).isEmpty();
        assertThat(Cleaning.find(out, false))
                .extracting(one -> out.relativize(one.path()).toString())
                .containsExactlyInAnyOrder("model.safetensors.part", "checkpoints/step-99");
        Cleaning.find(out, false).forEach(Cleaning::remove);
        assertThat(Cleaning.find(out, false)).isEmpty();
        assertThat(Cleaning.find(out, true)).hasSize(2);
        Files.move(out, temp.resolve("gone"));
        assertThat(Cleaning.find(drive, false)).hasSize(1);
        Cleaning.find(drive, false).forEach(Cleaning::remove);
        assertThat(Leftovers.entries(drive)).isEmpty();
        Files.move(temp.resolve("gone"), out);
        TuningRun.run(streamed(Optional.of(drive)).resume(true).build(), RunListener.SILENT);
        assertSameEnd();
        assertThatThrownBy(() -> Cleaning.find(temp.resolve("nothing"), false))
                .isInstanceOf(BadInputException.class);
    }
}
