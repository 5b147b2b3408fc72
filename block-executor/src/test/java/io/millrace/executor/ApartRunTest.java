package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.ApartWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Where a run changes little of a model, that lies beside blocks that are only read: no store is
 * made, and the model that is saved in the end is that of a run, or a replay, that rewrites blocks.
 */
class ApartRunTest {
    @TempDir Path temp;
    private Path model;
    private Path data;

    @BeforeEach
    void write() throws IOException {
        model = Runs.model(temp.resolve("model"), "opt", "bfloat16", 8, 192, 512);
        data = Runs.data(temp, 79, 10);
    }

    private TuneConfigBuilder config(String out, String tune, String rule) {
        return Runs.config(model, data, temp.resolve(out))
                .tune(tune)
                .optimizer(rule)
                .foldEvery(rule.equals("zo-adam") ? 1 : 2)
                .lr(1e-2);
    }

    private Path run(TuneConfigBuilder config) {
        return TuningRun.run(config.build(), RunListener.SILENT).out();
    }

    @ParameterizedTest
    @CsvSource({"norms, mezo-sgd", "biases, zo-adam", "'norms,!*layer_norm.bias', zo-sign"})
    void itMakesTheModelThatRewritingBlocksMakes(String tune, String rule) throws IOException {
        Map<String, byte[]> base = Runs.result(model);
        Path memory = run(config("memory", tune, rule));
        Map<String, byte[]> expected = Runs.result(memory);
        assertThat(expected.get("model.safetensors")).isNotEqualTo(base.get("model.safetensors"));
        // A replay rewrites whole blocks.
        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(model, memory.resolve("journal.jsonl"), rebuilt);
        assertThat(rebuilt.resolve("model.safetensors"))
                .hasBinaryContent(expected.get("model.safetensors"));

        long least =
                Runs.smallestBudget(budget ->
                        config("probe" + budget, tune, rule)
                                .memory(Runs.host(DeviceName.CPU, budget)));
        MemoryConfig little = Runs.host(DeviceName.CPU, least);
        Runs.assertSame(temp.resolve("probe" + least), expected, "streamed");
        MemoryConfig emulated = Runs.memory(DeviceName.EMULATED, OptionalLong.empty());
        Runs.assertSame(run(config("emulated", tune, rule).memory(emulated)), expected, "emulated");

        TuneConfigBuilder cut = config("cut", tune, rule).checkpointEvery(2).memory(little);
        assertThatThrownBy(() -> TuningRun.run(cut.build(), Runs.cutAfter(5)))
                .isInstanceOf(Runs.Cut.class);
        assertThat(temp.resolve("cut/blocks")).doesNotExist();
        Path checkpoint = temp.resolve("cut/checkpoints/step-4");
        assertThat(Files.size(checkpoint.resolve(ApartWriter.WEIGHTS)))
                .isLessThan(expected.get("model.safetensors").length / 20);
        Runs.assertSame(run(config("cut", tune, rule).resume(true)), expected, "cut");
        Runs.assertSame(model, base, "the base");
    }

    @Test
    void aFinishedRunGoesOnFromItsModel() throws IOException {
        Map<String, byte[]> all = Runs.result(run(config("all", "norms", "mezo-sgd").steps(8)));
        run(config("more", "norms", "mezo-sgd").steps(4));
        Runs.assertSame(
                run(config("more", "norms", "mezo-sgd").steps(8).resume(true)), all, "more");
    }

    @Test
    void aRunOverAMaskOrWithoutSomeLayersIsTheSame() throws IOException {
        Path run = run(config("masked", "norms", "mezo-sgd").mask("magnitude").blocks("random"));
        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(model, run.resolve("journal.jsonl"), rebuilt);
        assertThat(rebuilt.resolve("model.safetensors"))
                .hasSameBinaryContentAs(run.resolve("model.safetensors"));
    }
}
