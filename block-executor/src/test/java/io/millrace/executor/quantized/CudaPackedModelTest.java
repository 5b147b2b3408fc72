package io.millrace.executor.quantized;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.CudaRuns;
import io.millrace.executor.ForwardPass;
import io.millrace.executor.Golden;
import io.millrace.executor.Runs;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.quantized.format.GptqFormat;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Packed models on a card, with its kernels as host code: what the floats that they mean do. */
class CudaPackedModelTest {
    /** Products read float16, as the embedding is stored. */
    private static final float LOGITS = 2e-3f;

    private static final String ADAPTER = "adapter_model.safetensors";

    @TempDir Path temp;
    private HostKit kit;

    @BeforeEach
    void install() {
        kit = HostKit.install();
    }

    @AfterEach
    void uninstall() {
        kit.close();
    }

    static Stream<Arguments> formats() {
        return PackedModelTest.formats();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("formats")
    void computesWhatTheCodesMean(
            String name, PackedModels.Packing packing, Map<String, Object> fields)
            throws IOException {
        PackedModels.Pair pair = PackedModels.write(temp, "llama", packing, fields);
        assertThat(forward(pair.packed(), "packed", CudaRuns.onDevice()))
                .containsExactly(forward(pair.plain(), "plain", CudaRuns.onDevice()));
    }

    @Test
    void aFileOfLlamaCppIsReadWhereItLies() {
        Path model = Golden.path("gguf");
        assertClose(
                forward(model, "card", CudaRuns.onDevice()),
                forward(model, "processor", MemoryConfig.DEFAULT));
    }

    /** Under the same losses an adapter has a processor's bytes; so it does wherever blocks lie. */
    @ParameterizedTest
    @ValueSource(strings = {"lora", "scales"})
    void tunesWhatIsBesideAndReplaysToTheSameBytes(String tune) throws IOException {
        Path model = gptq().packed();
        Path data = Runs.data(temp, 31, 10);
        Path out = run(config(model, data, "card", CudaRuns.onDevice(), tune));
        String file = tune.equals("scales") ? "model.safetensors" : ADAPTER;
        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(model, out.resolve("journal.jsonl"), rebuilt);
        byte[] expected = Runs.result(out).get(file);
        assertThat(Runs.result(rebuilt).get(file)).isEqualTo(expected);
        assertThat(expected)
                .isNotEqualTo(
                        Runs.result(
                                        run(
                                                config(
                                                                model,
                                                                data,
                                                                "short",
                                                                CudaRuns.onDevice(),
                                                                tune)
                                                        .steps(1)))
                                .get(file));
        long least =
                Runs.smallestBudget(budget ->
                        config(
                                model,
                                data,
                                "probe" + budget,
                                CudaRuns.memory(0, budget, 1, true),
                                tune));
        Path streamed =
                run(config(model, data, "streamed", CudaRuns.memory(0, least, 1, true), tune));
        assertThat(Runs.result(streamed).get(file)).isEqualTo(expected);
    }

    /** The same steps as on a processor, as far as products agree. */
    @Test
    void scalesTakeTheStepsOfAProcessor() throws IOException {
        Path model = gptq().packed();
        Path data = Runs.data(temp, 31, 10);
        Path card = run(config(model, data, "card", CudaRuns.onDevice(), "scales"));
        Path host = run(config(model, data, "host", MemoryConfig.DEFAULT, "scales"));
        try (SafetensorsFile one = SafetensorsFile.open(card.resolve("model.safetensors"));
                SafetensorsFile other = SafetensorsFile.open(host.resolve("model.safetensors"))) {
            String name =
                    one.tensors().keySet().stream()
                            .filter(each -> each.endsWith(".scales"))
                            .findFirst()
                            .orElseThrow();
            float[] ours = one.readFloats(name);
            float[] theirs = other.readFloats(name);
            for (int i = 0; i < ours.length; i++) {
                assertThat(ours[i]).isCloseTo(theirs[i], within(1e-3f * Math.abs(theirs[i])));
            }
        }
    }

    @Test
    void scalesAlongThinFactorsAreRefused() throws IOException {
        Path model = gptq().packed();
        Path data = Runs.data(temp, 31, 10);
        TuneConfigBuilder config =
                config(model, data, "out", CudaRuns.onDevice(), "scales").perturbation("low-rank");
        assertThatThrownBy(() -> run(config))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--perturbation");
    }

    private PackedModels.Pair gptq() throws IOException {
        return PackedModels.write(
                temp,
                "llama",
                (rows, columns) -> new GptqFormat(rows, columns, 4, 16, true, false, DType.F16),
                Map.of("quant_method", "gptq", "bits", 4L, "group_size", 16L));
    }

    private static void assertClose(float[] actual, float[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < expected.length; i++) {
            assertThat(actual[i]).as("logit " + i).isCloseTo(expected[i], within(LOGITS));
        }
    }

    private TuneConfigBuilder config(
            Path model, Path data, String out, MemoryConfig memory, String tune) {
        return Runs.config(model, data, temp.resolve(out))
                .tune(tune)
                .weightDecay(0)
                .lr(tune.equals("scales") ? 1e-4 : 1e-2)
                .steps(3)
                .memory(memory);
    }

    private static Path run(TuneConfigBuilder config) {
        return TuningRun.run(config.build(), RunListener.SILENT).out();
    }

    private float[] forward(Path model, String name, MemoryConfig memory) {
        Path out = temp.resolve(name + ".safetensors");
        ForwardPass.run(model, Golden.path("llama").resolve("io.safetensors"), out, memory);
        try (SafetensorsFile file = SafetensorsFile.open(out)) {
            return file.readFloats("logits");
        }
    }
}
