package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.config.data.Keep;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.run.RunSummary;
import io.millrace.model.StateFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What a run saves of its LoRA under way only makes going on quicker: whatever became of it, the
 * start and the journal make the same bytes.
 */
class DamagedLoraTest {
    private static final String WEIGHTS = "adapter_model.safetensors";

    @TempDir Path temp;
    private Path model;
    private Path data;

    /** Spoils a checkpoint that was whole. */
    interface Spoil {
        void at(Path checkpoint) throws IOException;
    }

    @BeforeEach
    void write() throws IOException {
        model = Runs.model(temp.resolve("model"), "llama", "bfloat16", 4, 96, 192);
        data = Runs.data(temp, 78, 10);
    }

    private TuneConfigBuilder config(String out) {
        return Runs.config(model, data, temp.resolve(out))
                .tune("lora")
                .optimizer("zo-adam")
                .lr(1e-2);
    }

    private static RunSummary run(TuneConfigBuilder config) {
        return TuningRun.run(config.build(), RunListener.SILENT);
    }

    static Stream<Arguments> damages() {
        return Stream.of(
                damage("whole", _ -> {}),
                damage("a bit of the first factors", at -> flip(at.resolve(WEIGHTS), 0.5)),
                damage("a bit of the last factors", at -> flip(at.resolve(WEIGHTS), 1)),
                damage("a bit of the states", at -> flip(at.resolve(StateFile.NAME), 0.7)),
                damage("half of the factors", at -> cut(at.resolve(WEIGHTS))),
                damage("half of the states", at -> cut(at.resolve(StateFile.NAME))),
                damage("no factors", at -> Files.delete(at.resolve(WEIGHTS))),
                damage("no states", at -> Files.delete(at.resolve(StateFile.NAME))),
                damage("empty factors", at -> Files.write(at.resolve(WEIGHTS), new byte[0])),
                damage("no mark", at -> Files.delete(at.resolve("checkpoint.json"))));
    }

    private static Arguments damage(String what, Spoil spoil) {
        return Arguments.of(what, spoil);
    }

    private static void flip(Path file, double place) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[(int) ((bytes.length - 1) * place)] ^= 0x40;
        Files.write(file, bytes);
    }

    private static void cut(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(bytes, bytes.length / 2));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("damages")
    void aDamagedCheckpointIsRebuilt(String what, Spoil spoil) throws IOException {
        Map<String, byte[]> expected = Runs.result(run(config("whole")).out());
        assertThatThrownBy(() ->
                        TuningRun.run(config("cut").checkpointEvery(2).build(), Runs.cutAfter(5)))
                .isInstanceOf(Runs.Cut.class);
        Path checkpoint = temp.resolve("cut/checkpoints/step-4");
        assertThat(checkpoint).isDirectoryContaining("glob:**" + WEIGHTS);
        spoil.at(checkpoint);
        run(config("cut").resume(true));
        Runs.assertSame(temp.resolve("cut"), expected, what);
    }

    @Test
    void theBestStepIsRebuiltFromItsStart() throws IOException {
        Path eval = Runs.data(temp, 62, 4);
        TuneConfigBuilder best = config("best").lr(100).eval(eval).evalEvery(1).keep(Keep.BEST);
        long kept = run(best).keptStep();
        assertThat(kept).isLessThan(7);
        Path until = temp.resolve("until");
        Replay.until(model, temp.resolve("best/journal.jsonl"), kept, until);
        for (String file : List.of(WEIGHTS, "adapter_config.json")) {
            assertThat(temp.resolve("best").resolve(file))
                    .hasSameBinaryContentAs(until.resolve(file));
        }
        // It goes on from its last step, and not from the one that it kept.
        run(best.steps(9).resume(true));
        Map<String, byte[]> all = Runs.result(run(config("all").lr(100).steps(9)).out());
        assertThat(temp.resolve("best/journal.jsonl")).hasBinaryContent(all.get("journal.jsonl"));
    }
}
