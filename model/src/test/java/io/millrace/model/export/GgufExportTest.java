package io.millrace.model.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.file.DurableFiles;
import io.millrace.model.Checkpoint;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.GgufFile;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.WeightFiles;
import io.millrace.model.file.gguf.GgufHeader;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Read back by our own reader; Python's, and transformers', were asked outside of the build. */
class GgufExportTest {
    private static final String SHAPE =
            """
            "vocab_size": 96, "hidden_size": 64, "intermediate_size": 72, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 32,
            "hidden_act": "silu", "rms_norm_eps": 1e-5
            """;

    @TempDir private Path temp;

    private Path model(String family, String more) {
        Path folder = temp.resolve("model");
        String json = "{\"model_type\": \"" + family + "\", " + SHAPE + more + "}";
        ModelConfig config = ModelConfig.of("test", Json.parseObject(json));
        SyntheticModel.write(config, DType.BF16, Optional.empty(), 5, folder, _ -> {});
        return folder;
    }

    private static float[] values(TensorInfo info, byte[] bytes) {
        float[] values = new float[(int) info.elementCount()];
        info.format().load(MemorySegment.ofArray(bytes), 0, 0, values, 0, values.length);
        return values;
    }

    private static float[] read(GgufFile file, TensorInfo info) {
        byte[] bytes = new byte[(int) info.sizeBytes()];
        file.read(info, 0, MemorySegment.ofArray(bytes));
        return values(info, bytes);
    }

    private static float[] read(WeightFiles files, TensorInfo info) {
        byte[] bytes = new byte[(int) info.sizeBytes()];
        files.read(info, 0, MemorySegment.ofArray(bytes));
        return values(info, bytes);
    }

    @ParameterizedTest
    @CsvSource({
        "llama, F32, 0",
        "llama, BF16, 0",
        "mistral, F32, 0",
        "qwen2, BF16, 0",
        "qwen3, F32, 0",
        "llama, Q8_0, 0.0045",
        "qwen2, Q8_0, 0.0045"
    })
    void everyTensorComesBackUnderItsNameAndInItsPlace(String family, GgufType type, double most) {
        Path folder = model(family, family.equals("qwen3") ? ", \"head_dim\": 24" : "");
        Path out = temp.resolve("model.gguf");
        GgufExport.Result result = GgufExport.run(folder, type, out, _ -> {});
        assertThat(result.bytes()).isEqualTo(out.toFile().length());
        assertThat(result.missing())
                .containsExactly("the tokenizer: the folder has no tokenizer.json");
        try (Checkpoint model = Checkpoint.open(folder);
                GgufFile file = GgufFile.open(out)) {
            assertThat(file.tensors().keySet()).isEqualTo(model.tensors().keySet());
            for (TensorInfo stored : model.tensors().values()) {
                float[] expected = read(model.weights(), stored);
                TensorInfo written = file.tensors().get(stored.name());
                assertThat(written.shape()).isEqualTo(stored.shape());
                float[] found = read(file, written);
                float largest = 0;
                for (float value : expected) {
                    largest = Math.max(largest, Math.abs(value));
                }
                for (int i = 0; i < expected.length; i++) {
                    assertThat(Math.abs((double) found[i] - expected[i]))
                            .as(stored.name() + " at " + i)
                            .isLessThanOrEqualTo(most * largest);
                }
            }
        }
    }

    @Test
    void whatItSaysOfTheModelIsWhatTheModelIs() throws IOException {
        Path folder = model("qwen3", ", \"head_dim\": 24, \"rope_theta\": 50000");
        Path alone = Files.createDirectory(temp.resolve("alone"));
        GgufExport.run(folder, GgufType.BF16, alone.resolve("model.gguf"), _ -> {});
        try (Checkpoint model = Checkpoint.open(folder);
                Checkpoint back = Checkpoint.open(alone)) {
            assertThat(back.program()).isEqualTo(model.program());
        }
    }

    @Test
    void theSampleTakesItsTokenizerAlong() throws IOException {
        Path out = temp.resolve("sample.gguf");
        GgufExport.Result result =
                GgufExport.run(Path.of("../samples/tiny-lm"), GgufType.F16, out, _ -> {});
        assertThat(result.missing()).isEmpty();
        try (InputStream in = Files.newInputStream(out)) {
            GgufHeader header = GgufHeader.read(out, in);
            assertThat(header.metadata())
                    .containsEntry("tokenizer.ggml.model", "gpt2")
                    .containsEntry("tokenizer.ggml.pre", "gpt-2")
                    .containsEntry("tokenizer.ggml.bos_token_id", 1L)
                    .containsEntry("tokenizer.ggml.eos_token_id", 2L)
                    .containsEntry("tokenizer.ggml.padding_token_id", 0L)
                    .containsEntry("general.name", "tiny-lm");
            assertThat(header.tensors()).hasSize(result.tensors());
        }
    }

    @Test
    void angleFactorsOfLlama3AreATensor() throws IOException {
        Path folder =
                model(
                        "llama",
                        ", \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8.0,"
                                + " \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0,"
                                + " \"original_max_position_embeddings\": 32}");
        Path out = temp.resolve("model.gguf");
        GgufExport.run(folder, GgufType.F32, out, _ -> {});
        try (GgufFile file = GgufFile.open(out)) {
            float[] factors = read(file, file.tensors().get("rope_freqs.weight"));
            assertThat(factors).hasSize(8);
            assertThat(factors[0]).isEqualTo(1.0f); // turns fast: as it was
            assertThat(factors[7]).isCloseTo(8.0f, within(1e-5f)); // slow: by the whole factor
        }
    }

    @Test
    void whatGgmlHasNoPlaceForIsRefusedAndNothingIsLeft() {
        Path out = temp.resolve("model.gguf");
        Path windowed = model("mistral", ", \"sliding_window\": 8");
        assertThatThrownBy(() -> GgufExport.run(windowed, GgufType.F32, out, _ -> {}))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("sliding_window");
        assertThat(out).doesNotExist();
        assertThat(DurableFiles.part(out)).doesNotExist();
        assertThatThrownBy(() -> GgufType.parse("q3_k", "--dtype"))
                .hasMessage(
                        "--dtype: 'q3_k' is no type of a GGUF file's; give f32, f16, bf16, q8_0");
    }
}
