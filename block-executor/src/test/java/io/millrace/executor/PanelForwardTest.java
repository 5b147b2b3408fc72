package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.GenerateConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.panels.PanelledArchitecture;
import io.millrace.executor.run.EvalResult;
import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers of models whose vocabulary comes in panels, beside those of the same in one. */
class PanelForwardTest {
    private static final long LOGITS = 1 << 17; // are taken behind what a forward needs

    private final long seed = Long.getLong("test.seed", System.nanoTime());
    private final SplittableRandom random = new SplittableRandom(seed);

    @TempDir Path temp;

    /** Ends of panels are ends of tiles there, so that nothing is computed otherwise. */
    @ParameterizedTest
    @CsvSource({"llama, 128", "llama, 256", "opt, 128", "qwen2, 256"})
    void areTheSameBitsWhereTilesEndWithPanels(String kind, int rows) throws IOException {
        assertThat(answers(Golden.path(kind), kind, rows)).isEqualTo(0);
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "opt", "qwen2"})
    void agreeHoweverTheVocabularyIsCut(String kind) throws IOException {
        assertThat(answers(Golden.path(kind), kind, 1 + random.nextInt(319)))
                .as("-Dtest.seed=" + seed)
                .isLessThan(2e-6);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gptj", "mixtral"})
    void agreeWithABiasOfLogitsAndBehindExperts(String name) throws IOException {
        JsonObject golden = Golden.json("decoders/" + name + ".json");
        Path model = Files.createDirectory(temp.resolve("model"));
        DecodersTest.writeModel(model, golden);
        Path input = temp.resolve("in.safetensors");
        DecodersTest.writeInput(input, golden);
        int vocabulary = (int) golden.object("config").integer("vocab_size");
        int rows = 1 + random.nextInt(vocabulary - 1);
        assertThat(difference(model, input, rows)).as("-Dtest.seed=" + seed).isLessThan(2e-6);
    }

    @Test
    void agreeWithACapOnLogits() throws IOException {
        Map<String, Object> fields = new LinkedHashMap<>(Golden.json("qwen2/config.json").fields());
        fields.put("model_type", "gemma2");
        fields.put("head_dim", 16L);
        fields.put("query_pre_attn_scalar", 16L);
        fields.put("final_logit_softcapping", 0.5);
        fields.put("attn_logit_softcapping", 50.0);
        Path model = temp.resolve("model");
        ModelConfig config = ModelConfig.of("config.json", new JsonObject(fields));
        SyntheticModel.write(config, DType.F32, 7, model, bytes -> {});
        int rows = 1 + random.nextInt(319);
        assertThat(difference(model, Golden.path("qwen2").resolve("io.safetensors"), rows))
                .as("-Dtest.seed=" + seed)
                .isLessThan(2e-6);
    }

    private double answers(Path model, String kind, int rows) throws IOException {
        return difference(model, Golden.path(kind).resolve("io.safetensors"), rows);
    }

    /** The largest difference of any logit or loss; on an emulated device there is none more. */
    private double difference(Path model, Path input, int rows) throws IOException {
        Path cut = PanelledArchitecture.copy(model, temp.resolve("cut"), rows);
        Path whole = temp.resolve("whole.safetensors");
        Path panels = temp.resolve("panels.safetensors");
        Path streamed = temp.resolve("streamed.safetensors");
        ForwardPass.run(model, input, whole, MemoryConfig.DEFAULT);
        ForwardPass.run(cut, input, panels, MemoryConfig.DEFAULT);
        long least =
                Runs.smallestThatWorks(budget ->
                        ForwardPass.run(
                                cut, input, streamed, Runs.host(DeviceName.CPU, budget + LOGITS)));
        assertThat(Files.mismatch(panels, streamed)).as("with %d bytes", least).isEqualTo(-1);
        double most = 0;
        try (SafetensorsFile one = SafetensorsFile.open(whole);
                SafetensorsFile other = SafetensorsFile.open(panels)) {
            for (String name : new String[] {"logits", "token_loss", "mean_loss"}) {
                float[] expected = one.readFloats(name);
                float[] actual = other.readFloats(name);
                assertThat(actual).hasSameSizeAs(expected);
                for (int i = 0; i < expected.length; i++) {
                    most = Math.max(most, Math.abs(expected[i] - actual[i]));
                }
            }
        }
        return most;
    }

    @Test
    void continuesAndChoosesAsInOnePanel() throws IOException {
        Path model = Golden.path("stories260k");
        int rows = 1 + random.nextInt(511);
        Path cut = PanelledArchitecture.copy(model, temp.resolve("cut"), rows);
        int[] expected = generated(model);
        assertThat(generated(cut)).as("-Dtest.seed=" + seed).isEqualTo(expected);
        Path data = Reviews.labelled(temp, 6);
        for (Metric metric : Metric.values()) {
            double one = evaluated(model, data, metric).loss();
            assertThat(evaluated(cut, data, metric).loss())
                    .as("-Dtest.seed=" + seed)
                    .isCloseTo(one, within(1e-7));
        }
        assertThat(evaluated(cut, data, Metric.ACCURACY).accuracy())
                .isEqualTo(evaluated(model, data, Metric.ACCURACY).accuracy());
    }

    private static int[] generated(Path model) {
        return Generation.run(
                        new GenerateConfig(model, "Once upon a time", 30, MemoryConfig.DEFAULT))
                .newIds();
    }

    private static EvalResult evaluated(Path model, Path data, Metric metric) {
        return Evaluation.run(
                new EvalConfig(model, data, metric, Reviews.TASK, 5, MemoryConfig.DEFAULT));
    }
}
