package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.config.data.Keep;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.RunStart;
import io.millrace.executor.stranger.MovingRule;
import io.millrace.executor.stranger.StatefulRule;
import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.memory.DType;
import io.millrace.memory.StateSlot;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.StateFile;
import io.millrace.optim.update.MezoSgd;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A rule that has states lie beside the weights: they cost memory and room, and change no weight,
 * wherever blocks lie and whatever a run goes on from.
 */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class StatesRunTest {
    private static final String WEIGHTS = "model.safetensors";

    @TempDir static Path shared;
    @TempDir Path temp;
    private static Path model;
    private static Path data;
    private static byte[] expected;
    private static long smallest;

    @BeforeAll
    static void runWithoutStates() throws IOException {
        model = Runs.model(shared.resolve("model"), "llama", "bfloat16", 5, 128, 256);
        data = Runs.data(shared, 61, 10);
        Path plain = shared.resolve("plain");
        TuningRun.run(config(plain).optimizer(MezoSgd.NAME).build(), RunListener.SILENT);
        expected = Files.readAllBytes(plain.resolve(WEIGHTS));
        assertThat(plain.resolve(StateFile.NAME)).doesNotExist();
    }

    private static TuneConfigBuilder config(Path out) {
        return Runs.config(model, data, out)
                .queries(1)
                .weightDecay(0)
                .batchSize(2)
                .foldEvery(2)
                .steps(6)
                .optimizer(StatefulRule.NAME);
    }

    private TuneConfigBuilder config(String name) {
        return config(temp.resolve(name));
    }

    /** With next to no memory for blocks. */
    private MemoryConfig streamed() {
        if (smallest == 0) {
            smallest =
                    Runs.smallestBudget(
                            tried -> config("probe" + tried).memory(memory("cpu", tried)));
        }
        return memory("cpu", smallest);
    }

    private static MemoryConfig memory(String device, long host) {
        return new MemoryConfig(
                device,
                OptionalLong.empty(),
                host == 0 ? OptionalLong.empty() : OptionalLong.of(host),
                Optional.empty(),
                OptionalLong.empty(),
                2,
                true);
    }

    private static ModelLayout layout() {
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            return checkpoint
                    .layout()
                    .withStates(
                            List.of(
                                    new StateSlot.Kind("m", DType.F32),
                                    new StateSlot.Kind("h", DType.BF16)));
        }
    }

    private Path checkpoint(String run, long step) {
        return temp.resolve(run).resolve("checkpoints").resolve("step-" + step);
    }

    private void requireSame(String run) throws IOException {
        Path out = temp.resolve(run);
        assertThat(Files.readAllBytes(out.resolve(WEIGHTS))).as(run).isEqualTo(expected);
        assertThat(out.resolve(StateFile.NAME)).doesNotExist();
        assertThat(out.resolve("checkpoints")).doesNotExist();
        assertThat(out.resolve("blocks")).doesNotExist();
    }

    @Test
    void statesCountInEveryBudgetAndChangeNoWeight() throws IOException {
        StringBuilder line = new StringBuilder();
        RunListener listener =
                new RunListener() {
                    @Override
                    public void onStart(RunStart start) {
                        line.append(start);
                    }
                };
        TuningRun.run(config("memory").build(), listener);
        requireSame("memory");
        assertThat(line).contains("and " + ByteSize.format(layout().stateBytes()) + " of states");

        TuningRun.run(config("streamed").memory(streamed()).build(), RunListener.SILENT);
        requireSame("streamed");
        assertThat(Files.readString(temp.resolve("streamed").resolve("metrics.jsonl")))
                .contains("nvme-read", "nvme-write");
        long without =
                Runs.smallestBudget(budget ->
                        config("sgd" + budget)
                                .optimizer(MezoSgd.NAME)
                                .memory(memory("cpu", budget)));
        assertThat(smallest).isGreaterThan(without);
        TuningRun.run(config("emulated").memory(memory("emulated", 0)).build(), RunListener.SILENT);
        requireSame("emulated");

        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(model, temp.resolve("memory").resolve("journal.jsonl"), rebuilt);
        requireSame("rebuilt");
    }

    @Test
    void aCheckpointHoldsThemAndARunGoesOnFromIt() throws IOException {
        cut("parts", MemoryConfig.DEFAULT, false, 3);
        Path saved = checkpoint("parts", 2);
        try (StateFile states = StateFile.open(saved, layout())) {
            assertThat(states).isNotNull();
        }
        cut("parts", streamed(), true, 4); // into a store
        assertThat(temp.resolve("parts").resolve("blocks")).isDirectory();
        cut("parts", MemoryConfig.DEFAULT, true, 5); // and out of it
        TuningRun.run(config("parts").resume(true).build(), RunListener.SILENT);
        requireSame("parts");
    }

    private void cut(String run, MemoryConfig memory, boolean resume, long after) {
        TuneConfigBuilder config = config(run).memory(memory).checkpointEvery(2).resume(resume);
        assertThatThrownBy(() -> TuningRun.run(config.build(), Runs.cutAfter(after)))
                .isInstanceOf(Runs.Cut.class);
    }

    @Test
    void damagedStatesCostTimeAndMissingOnesALine() throws IOException {
        cut("damaged", MemoryConfig.DEFAULT, false, 3);
        Path file = checkpoint("damaged", 2).resolve(StateFile.NAME);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(new byte[] {1}), Files.size(file) - 5);
        }
        TuningRun.run(config("damaged").resume(true).build(), RunListener.SILENT);
        requireSame("damaged");

        cut("missing", MemoryConfig.DEFAULT, false, 3);
        Files.delete(checkpoint("missing", 2).resolve(StateFile.NAME));
        TuneConfigBuilder goesOn = config("missing").resume(true);
        assertThatThrownBy(() -> TuningRun.run(goesOn.build(), RunListener.SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContainingAll("step-2", StateFile.NAME, "remove this folder");
    }

    @Test
    void statesThatAreNoNumbersEndTheRun() throws IOException {
        cut("diverged", MemoryConfig.DEFAULT, false, 3);
        Path folder = checkpoint("diverged", 2);
        // As the run had it: so the block's checksum goes, too.
        String mark = Files.readString(folder.resolve("checkpoint.json"));
        Files.writeString(
                folder.resolve("checkpoint.json"),
                mark.replaceAll("\"block_crc32c\":\\[[^]]*\\]", "\"block_crc32c\":[]"));
        Path file = folder.resolve(StateFile.NAME);
        byte[] bytes = Files.readAllBytes(file);
        Arrays.fill(bytes, bytes.length - 2, bytes.length, (byte) 0xFF);
        Files.write(file, bytes);
        TuneConfigBuilder goesOn = config("diverged").resume(true);
        assertThatThrownBy(() -> TuningRun.run(goesOn.build(), RunListener.SILENT))
                .hasMessageContainingAll("state '", ".h'", "not finite");
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void aSavedModelHasNoStatesToGoOnFrom(boolean streams) throws IOException {
        MemoryConfig memory = streams ? streamed() : MemoryConfig.DEFAULT;
        TuningRun.run(config("more").steps(4).memory(memory).build(), RunListener.SILENT);
        TuningRun.run(config("more").memory(memory).resume(true).build(), RunListener.SILENT);
        requireSame("more");
    }

    @Test
    void anEarlierStepIsRebuiltWithStates() throws IOException {
        Path eval = Runs.data(temp, 62, 4);
        TuneConfigBuilder best = config("best").lr(5e-2).eval(eval).evalEvery(1).keep(Keep.BEST);
        long kept = TuningRun.run(best.build(), RunListener.SILENT).keptStep();
        assertThat(kept).isLessThan(6);
        Path until = temp.resolve("until");
        Replay.until(model, temp.resolve("best").resolve("journal.jsonl"), kept, until);
        assertThat(temp.resolve("best").resolve(WEIGHTS))
                .hasSameBinaryContentAs(until.resolve(WEIGHTS));
    }

    private TuneConfigBuilder moving(String name) {
        return config(name).optimizer(MovingRule.NAME);
    }

    @Test
    void statesThatMoveGoWithTheirWeightsWhateverComes() throws IOException {
        Map<String, byte[]> moved =
                Runs.result(TuningRun.run(moving("moving").build(), RunListener.SILENT).out());
        assertThat(moved.get(WEIGHTS)).isNotEqualTo(expected);

        TuningRun.run(moving("streamed").memory(streamed()).build(), RunListener.SILENT);
        Runs.assertSame(temp.resolve("streamed"), moved, "streamed");
        TuningRun.run(moving("emulated").memory(memory("emulated", 0)).build(), RunListener.SILENT);
        Runs.assertSame(temp.resolve("emulated"), moved, "emulated");

        Path file = checkpoint("parts", 2).resolve(StateFile.NAME);
        for (boolean damaged : new boolean[] {false, true}) {
            cutMoving(MemoryConfig.DEFAULT, false, 3);
            byte[] states = Files.readAllBytes(file);
            int zeros = 0;
            for (byte one : states) {
                zeros += one == 0 ? 1 : 0;
            }
            assertThat(zeros).isLessThan(states.length / 2);
            if (damaged) {
                states[states.length - 1] ^= 1;
                Files.write(file, states);
            }
            cutMoving(MemoryConfig.DEFAULT, true, 4);
            cutMoving(streamed(), true, 5);
            TuningRun.run(moving("parts").resume(true).build(), RunListener.SILENT);
            Runs.assertSame(temp.resolve("parts"), moved, "parts, damaged: " + damaged);
            delete(temp.resolve("parts"));
        }

        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(model, temp.resolve("moving").resolve("journal.jsonl"), rebuilt);
        assertThat(Files.readAllBytes(rebuilt.resolve(WEIGHTS))).isEqualTo(moved.get(WEIGHTS));

        TuningRun.run(moving("more").steps(4).build(), RunListener.SILENT);
        TuningRun.run(moving("more").resume(true).build(), RunListener.SILENT);
        Runs.assertSame(temp.resolve("more"), moved, "more");
    }

    private void cutMoving(MemoryConfig memory, boolean resume, long after) {
        TuneConfigBuilder run = moving("parts").memory(memory).checkpointEvery(2).resume(resume);
        assertThatThrownBy(() -> TuningRun.run(run.build(), Runs.cutAfter(after)))
                .isInstanceOf(Runs.Cut.class);
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> entries = Files.walk(folder)) {
            for (Path entry : entries.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(entry);
            }
        }
    }
}
