package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.adapter.LoraKind;
import io.millrace.executor.config.BegunAdapter;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.config.data.Keep;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.direction.SingularDirection;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A run that begins with an adapter in the place of a fresh one. */
class BegunAdapterTest {
    private static final String WEIGHTS = "adapter_model.safetensors";
    private static final String CONFIG = "adapter_config.json";

    @TempDir Path temp;
    private Path model;
    private Path data;
    private Path first;

    @BeforeEach
    void write() throws IOException {
        model = Runs.model(temp.resolve("model"), "llama", "bfloat16", 4, 96, 192);
        data = Runs.data(temp, 83, 10);
        first =
                run(
                        Runs.config(model, data, temp.resolve("first"))
                                .tune("lora")
                                .lr(1e-2)
                                .method(LoraKind.RANK, 3)
                                .method(LoraKind.ALPHA, 5.0)
                                .method(LoraKind.TARGETS, List.of("o_proj", "up_proj")));
    }

    private static Path run(TuneConfigBuilder config) {
        return TuningRun.run(config.build(), RunListener.SILENT).out();
    }

    private Settings told(String out, Path adapter) {
        return Runs.config(model, data, temp.resolve(out))
                .lr(1e-2)
                .build()
                .settings()
                .without(List.of(TrainedTensors.TUNE))
                .with(BegunAdapter.ADAPTER, adapter);
    }

    private TuneConfigBuilder config(String out) {
        return TuneConfig.builder(told(out, first));
    }

    @Test
    void itGoesOnFromWhatTheFolderHas() throws IOException {
        Path second = run(config("second"));
        Map<String, byte[]> expected = Runs.result(second);
        assertThat(expected.get(CONFIG)).isEqualTo(Files.readAllBytes(first.resolve(CONFIG)));
        assertThat(distance(first, second)).isPositive().isLessThan(norm(first) / 2);

        // No step: what it saves is what it began with.
        Path same = temp.resolve("same");
        Replay.until(model, Optional.of(first), second.resolve("journal.jsonl"), 0, same);
        assertThat(distance(first, same)).isZero();
        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(model, Optional.of(first), second.resolve("journal.jsonl"), rebuilt);
        assertThat(rebuilt.resolve(WEIGHTS)).hasBinaryContent(expected.get(WEIGHTS));

        long least =
                Runs.smallestBudget(budget ->
                        config("probe" + budget).memory(Runs.host(DeviceName.CPU, budget)));
        Runs.assertSame(temp.resolve("probe" + least), expected, "streamed");
        for (long every : new long[] {0, 2}) {
            TuneConfigBuilder cut = config("cut" + every).checkpointEvery(every);
            assertThatThrownBy(() -> TuningRun.run(cut.build(), Runs.cutAfter(5)))
                    .isInstanceOf(Runs.Cut.class);
            Runs.assertSame(run(config("cut" + every).resume(true)), expected, "cut");
        }
        // The run's own file repeats it.
        Runs.assertSame(
                run(TuneConfig.builder(config("again").build().settings())), expected, "again");
    }

    @Test
    void theBestStepIsRebuiltFromIt() throws IOException {
        Path eval = Runs.data(temp, 62, 4);
        TuneConfigBuilder best = config("best").lr(3).eval(eval).evalEvery(1).keep(Keep.BEST);
        long kept = TuningRun.run(best.build(), RunListener.SILENT).keptStep();
        assertThat(kept).isLessThan(7);
        Path until = temp.resolve("until");
        Replay.until(model, Optional.of(first), temp.resolve("best/journal.jsonl"), kept, until);
        assertThat(temp.resolve("best").resolve(WEIGHTS))
                .hasSameBinaryContentAs(until.resolve(WEIGHTS));
    }

    @Test
    void anotherIsRefused() throws IOException {
        Path second = run(config("second").steps(3));
        Path journal = second.resolve("journal.jsonl");
        assertThatThrownBy(() -> run(TuneConfig.builder(told("second", second)).resume(true)))
                .hasMessageContaining("field 'adapter' is ");
        Path out = temp.resolve("out");
        assertThatThrownBy(() -> Replay.run(model, journal, out))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("began with an adapter; give that with --adapter");
        assertThatThrownBy(() -> Replay.run(model, Optional.of(second), journal, out))
                .hasMessageContaining("give the adapter that the run began with");
        assertThatThrownBy(() ->
                        Replay.run(model, Optional.of(second), first.resolve("journal.jsonl"), out))
                .hasMessageContaining("began with no adapter; leave --adapter out");
        assertThat(out).doesNotExist();
    }

    @Test
    void whatContradictsTheFolderIsRefused() throws IOException {
        refused(
                with(LoraKind.RANK, 8),
                "--lora-rank: 8 is not what the adapter of --adapter has, 3");
        refused(with(LoraKind.ALPHA, 16.0), "--lora-alpha");
        refused(with(LoraKind.TARGETS, List.of("q_proj")), "--lora-targets");
        refused(with(TrainedTensors.TUNE, "norms"), "give --tune lora");
        // As PEFT saves them.
        assertThatThrownBy(() ->
                        TuneConfig.builder(
                                Settings.NONE
                                        .with(TuneConfig.MODEL, Golden.path("peft/models/opt"))
                                        .with(
                                                BegunAdapter.ADAPTER,
                                                Golden.path("peft/adapters/opt-patterns"))))
                .hasMessageContaining("has another rank or scale at '")
                .hasMessageContaining("millrace merge");
        Files.delete(first.resolve(WEIGHTS));
        refused(told -> told, "has adapter_config.json and no adapter_model.safetensors");
    }

    /** Its options are what the folder says, however the first run was told. */
    @ParameterizedTest
    @ValueSource(strings = {"ia3", "prompt", "prefix", "tt"})
    void everyKindGoesOn(String kind) throws IOException {
        Path began = run(Runs.config(model, data, temp.resolve("began")).tune(kind).lr(1e-2));
        UnaryOperator<TuneConfigBuilder> same = one -> one.steps(4).lr(1e-3);
        Path once =
                run(
                        same.apply(
                                TuneConfig.builder(
                                        told("once", began).with(TrainedTensors.TUNE, kind))));
        assertThat(distance(began, once)).isPositive().isLessThan(norm(began) / 2);
        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(model, Optional.of(began), once.resolve("journal.jsonl"), rebuilt);
        assertThat(rebuilt.resolve(WEIGHTS)).hasSameBinaryContentAs(once.resolve(WEIGHTS));
        TuneConfigBuilder cut = same.apply(TuneConfig.builder(told("cut", began)));
        assertThatThrownBy(() -> TuningRun.run(cut.checkpointEvery(1).build(), Runs.cutAfter(2)))
                .isInstanceOf(Runs.Cut.class);
        run(same.apply(TuneConfig.builder(told("cut", began))).resume(true));
        Runs.assertSame(temp.resolve("cut"), Runs.result(once), "cut");
        refused(
                told -> told.with(BegunAdapter.ADAPTER, began).with(TrainedTensors.TUNE, "lora"),
                "give --tune " + kind);
        refused(
                told -> told.with(Directions.KINDS.naming(), SingularDirection.NAME),
                "singular vectors are those of fresh factors");
    }

    /** PEFT's own, of factors in other types too. */
    @ParameterizedTest
    @ValueSource(strings = {"qwen2-regex", "qwen2-ia3", "qwen2-prompt", "qwen2-prefix"})
    void oneOfPeftsBegins(String name) throws IOException {
        Path base = Golden.path("peft/models/qwen2");
        Path adapter = Golden.path("peft/adapters/" + name);
        Path rows =
                Golden.writeTokenised(
                        temp.resolve("rows.jsonl"),
                        List.of(List.of(1L, 2L, 3L, 4L), List.of(5L, 6L, 7L)),
                        List.of(List.of(1L, 2L, 3L, 4L), List.of(5L, 6L, 7L)));
        Path out =
                run(
                        TuneConfig.builder(
                                        Runs.config(base, rows, temp.resolve("peft"))
                                                .build()
                                                .settings()
                                                .without(List.of(TrainedTensors.TUNE))
                                                .with(BegunAdapter.ADAPTER, adapter))
                                .batchSize(2)
                                .microBatch(2)
                                .steps(1)
                                .lr(1e-30));
        assertThat(distance(adapter, out)).isZero();
    }

    private static <T> UnaryOperator<Settings> with(Option<T> option, T value) {
        return told -> told.with(option, value);
    }

    private void refused(UnaryOperator<Settings> change, String message) {
        assertThatThrownBy(() -> TuneConfig.builder(change.apply(told("refused", first))))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(message);
        assertThat(temp.resolve("refused")).doesNotExist();
    }

    private static double norm(Path folder) {
        return distance(folder, null);
    }

    /** The root of the sum of squares of all elements' differences. */
    private static double distance(Path left, Path right) {
        double squares = 0;
        try (SafetensorsFile one = SafetensorsFile.open(left.resolve(WEIGHTS));
                SafetensorsFile other =
                        right == null ? null : SafetensorsFile.open(right.resolve(WEIGHTS))) {
            for (String name : one.tensors().keySet()) {
                float[] values = one.readFloats(name);
                float[] others = other == null ? new float[values.length] : other.readFloats(name);
                for (int i = 0; i < values.length; i++) {
                    squares += Math.pow(values[i] - others[i], 2);
                }
            }
        }
        return Math.sqrt(squares);
    }
}
