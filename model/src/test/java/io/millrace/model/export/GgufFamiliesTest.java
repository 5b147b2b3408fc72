package io.millrace.model.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.Checkpoint;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.gguf.GgufHeader;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.telemetry.json.Json;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What ggml has elsewhere, or otherwise, than Hugging Face's files. Python's gguf and transformers
 * were asked outside of the build.
 */
class GgufFamiliesTest {
    private static final String GPT2 =
            "\"vocab_size\": 96, \"n_positions\": 32, \"n_embd\": 48, \"n_layer\": 2, \"n_head\": 3";
    private static final String OTHERS =
            """
            "vocab_size": 96, "hidden_size": 48, "intermediate_size": 40, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 32
            """;

    @TempDir private Path temp;

    private Path model(String family, String fields) {
        Path folder = temp.resolve("model");
        ModelConfig config =
                ModelConfig.of(
                        "test",
                        Json.parseObject("{\"model_type\": \"" + family + "\", " + fields + "}"));
        SyntheticModel.write(config, DType.F32, Optional.empty(), 5, folder, _ -> {});
        return folder;
    }

    private GgufHeader export(Path folder, GgufType type) throws IOException {
        Path out = temp.resolve("model.gguf");
        Files.deleteIfExists(out);
        GgufExport.run(folder, type, out, _ -> {});
        try (InputStream in = new BufferedInputStream(Files.newInputStream(out))) {
            return GgufHeader.read(out, in);
        }
    }

    private float[] written(GgufHeader header, String name) throws IOException {
        GgufHeader.Tensor tensor =
                header.tensors().stream()
                        .filter(one -> one.name().equals(name))
                        .findFirst()
                        .orElseThrow(() -> new AssertionError(name + " is not written"));
        byte[] file = Files.readAllBytes(temp.resolve("model.gguf"));
        int first = (int) (Math.ceilDiv(header.bytes(), 32) * 32 + tensor.offset());
        int elements =
                (int) tensor.shape().stream().mapToLong(one -> one).reduce(1, (a, b) -> a * b);
        float[] values = new float[elements];
        tensor.format().load(MemorySegment.ofArray(file), first, 0, values, 0, elements);
        return values;
    }

    private static float[] stored(Path folder, String name) {
        try (Checkpoint model = Checkpoint.open(folder)) {
            TensorInfo info = model.tensors().get(name);
            byte[] bytes = new byte[(int) info.sizeBytes()];
            model.weights().read(info, 0, MemorySegment.ofArray(bytes));
            float[] values = new float[(int) info.elementCount()];
            info.format().load(MemorySegment.ofArray(bytes), 0, 0, values, 0, values.length);
            return values;
        }
    }

    @Test
    void matricesOfGpt2AreTurnedAndItsPositionsStayWide() throws IOException {
        Path folder = model("gpt2", GPT2);
        GgufHeader header = export(folder, GgufType.BF16);
        assertThat(header.metadata())
                .containsEntry("general.architecture", "gpt2")
                .containsEntry("gpt2.feed_forward_length", 192L)
                .containsEntry("gpt2.context_length", 32L);
        assertThat(header.tensors())
                .filteredOn(tensor -> tensor.name().equals("position_embd.weight"))
                .extracting(GgufHeader.Tensor::format)
                .containsExactly(DType.F32);
        header = export(folder, GgufType.F32);
        float[] stored = stored(folder, "transformer.h.1.attn.c_attn.weight"); // [48, 144]
        float[] written = written(header, "blk.1.attn_qkv.weight"); // [144, 48]
        for (int in = 0; in < 48; in++) {
            for (int out = 0; out < 144; out++) {
                assertThat(written[out * 48 + in]).isEqualTo(stored[in * 144 + out]);
            }
        }
        assertThat(written(header, "token_embd.weight"))
                .isEqualTo(stored(folder, "transformer.wte.weight"));
        assertThat(written(header, "blk.0.ffn_norm.bias"))
                .isEqualTo(stored(folder, "transformer.h.0.ln_2.bias"));
    }

    @ParameterizedTest
    @CsvSource({
        "gemma, input_layernorm, attn_norm",
        "gemma, post_attention_layernorm, ffn_norm",
        "gemma2, post_attention_layernorm, post_attention_norm",
        "gemma2, pre_feedforward_layernorm, ffn_norm",
        "gemma2, post_feedforward_layernorm, post_ffw_norm"
    })
    void normsOfGemmaAreWrittenFromOne(String family, String module, String name)
            throws IOException {
        Path folder =
                model(
                        family,
                        OTHERS
                                + ", \"head_dim\": 16, \"query_pre_attn_scalar\": 16,"
                                + " \"sliding_window\": 8");
        GgufHeader header = export(folder, GgufType.F32);
        float[] expected = stored(folder, "model.layers.1." + module + ".weight");
        for (int i = 0; i < expected.length; i++) {
            expected[i] += 1;
        }
        assertThat(written(header, "blk.1." + name + ".weight")).isEqualTo(expected);
        assertThat(written(header, "blk.1.attn_q.weight"))
                .isEqualTo(stored(folder, "model.layers.1.self_attn.q_proj.weight"));
        if (family.equals("gemma2")) {
            assertThat(header.metadata())
                    .containsEntry("gemma2.attention.sliding_window", 8L)
                    .containsEntry("gemma2.final_logit_softcapping", 30.0);
        }
    }

    @Test
    void headsOfGptNeoxComeApart() throws IOException {
        Path folder = model("gpt_neox", OTHERS + ", \"rotary_pct\": 0.5");
        GgufHeader header = export(folder, GgufType.F32);
        for (String kind : new String[] {"weight", "bias"}) {
            int columns = kind.equals("bias") ? 1 : 48;
            float[] stored = stored(folder, "gpt_neox.layers.0.attention.query_key_value." + kind);
            float[] written = written(header, "blk.0.attn_qkv." + kind);
            for (int head = 0; head < 4; head++) {
                for (int part = 0; part < 3; part++) {
                    int from = (head * 3 + part) * 12 * columns;
                    int to = (part * 4 + head) * 12 * columns;
                    assertThat(Arrays.copyOfRange(written, to, to + 12 * columns))
                            .isEqualTo(Arrays.copyOfRange(stored, from, from + 12 * columns));
                }
            }
        }
        assertThat(header.metadata())
                .containsEntry("gptneox.rope.dimension_count", 6L)
                .containsEntry("gptneox.use_parallel_residual", true);
    }

    @ParameterizedTest
    @CsvSource({
        "starcoder2, model.layers.0.mlp.c_fc.bias, blk.0.ffn_up.bias",
        "olmo2, model.layers.1.post_feedforward_layernorm.weight, blk.1.post_ffw_norm.weight",
        "olmo2, model.layers.0.self_attn.k_norm.weight, blk.0.attn_k_norm.weight",
        "granite, model.layers.1.self_attn.v_proj.weight, blk.1.attn_v.weight"
    })
    void tensorsHaveGgmlsNames(String family, String tensor, String name) throws IOException {
        Path folder = model(family, OTHERS);
        GgufHeader header = export(folder, GgufType.F32);
        assertThat(header.metadata()).containsEntry("general.architecture", family);
        assertThat(written(header, name)).isEqualTo(stored(folder, tensor));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "opt | ffn_dim | 64 | field 'model_type' is 'opt', of which ggml has no architecture; export",
                "gpt2 | scale_attn_by_inverse_layer_idx | true | scale_attn_weights",
                "gpt2 | activation_function | \"relu\" | is 'relu', and ggml's family has",
                "llama | hidden_act | \"gelu\" | is 'gelu', and ggml's family has silu alone",
                "starcoder2 | sliding_window | 8 | is below max_position_embeddings",
                "gemma2 | query_pre_attn_scalar | 99 | is 99, and ggml's family scales by 256",
                "gemma2 | layer_types | [\"full_attention\",\"sliding_attention\"] | do not take turns",
                "qwen2 | rope_scaling | {\"rope_type\":\"yarn\",\"factor\":2.0} | is 'yarn', which"
            })
    void whatGgmlComputesOtherwiseIsRefused(
            String family, String field, String value, String line) {
        String fields =
                switch (family) {
                    case "gpt2" -> GPT2;
                    case "opt" -> OTHERS + ", \"word_embed_proj_dim\": 48";
                    default -> OTHERS;
                };
        Path folder = model(family, fields + ", \"" + field + "\": " + value);
        assertThatThrownBy(() -> export(folder, GgufType.F32))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(line);
        assertThat(temp.resolve("model.gguf")).doesNotExist();
    }
}
