package io.millrace.model.architecture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import io.millrace.model.TestModels;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.AttentionSpec;
import io.millrace.model.spec.DecoderSpec;
import io.millrace.model.spec.LayerSpec;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ArchitecturesTest {
    static List<String> goldenNames() {
        return TestModels.goldenNames();
    }

    @ParameterizedTest
    @MethodSource("goldenNames")
    void namesEveryTrainableTensorInOrder(String name) throws IOException {
        List<?> expected = (List<?>) Json.parse(Files.readString(golden(name, "trainable.json")));
        ModelLayout layout = ModelLayout.of(spec(name, "config.json"), DType.F32);
        assertThat(layout.tensorCount()).isEqualTo(expected.size());
        for (Object one : expected) {
            JsonObject tensor = JsonObject.of((Map<?, ?>) one);
            TensorSlot slot = layout.find(tensor.string("name")).orElseThrow().slot();
            assertThat(slot.tensorId()).as(slot.name()).isEqualTo((int) tensor.integer("id"));
            assertThat(slot.shape()).as(slot.name()).isEqualTo(tensor.array("shape"));
        }
    }

    @ParameterizedTest
    @MethodSource("goldenNames")
    void readsBothSpellingsAlike(String name) throws IOException {
        assertThat(spec(name, "config.v5.json")).isEqualTo(spec(name, "config.json"));
    }

    @ParameterizedTest
    @MethodSource("goldenNames")
    void guessesTheNamesWithoutWeights(String name) throws IOException {
        ModelConfig config = ModelConfig.read(golden(name, "config.json"));
        DecoderSpec guessed = NamedArchitectures.spec(config);
        long elements = ModelLayout.of(guessed, DType.F32).elementCount();
        assertThat(elements)
                .isEqualTo(ModelLayout.of(spec(name, "config.json"), DType.F32).elementCount());
        if (!name.equals("gpt2-hubnames")) {
            assertThat(guessed).isEqualTo(spec(name, "config.json"));
        }
    }

    @Test
    void describesOptOfBothLayouts() throws IOException {
        DecoderSpec opt = spec("opt", "config.json");
        assertThat(opt.layers().getFirst().order()).isEqualTo(LayerSpec.Order.PRE);
        assertThat(opt.layers().getFirst().mlp().activation()).isEqualTo(Activation.RELU);
        assertThat(opt.embedding().positionOffset()).isEqualTo(2);
        assertThat(opt.embedding().positionRows()).isEqualTo(66);
        assertThat(opt.maxPositions()).isEqualTo(64);
        assertThat(opt.isTied()).isTrue();
        DecoderSpec small = spec("opt-350m", "config.json");
        assertThat(small.layers().getFirst().order()).isEqualTo(LayerSpec.Order.POST);
        assertThat(small.head().norm()).isNull();
        assertThat(small.head().projection().outputs()).isEqualTo(40);
        assertThat(small.embedding().projection().inputs()).isEqualTo(40);
    }

    @Test
    void describesAttentionColumns() throws IOException {
        AttentionSpec neox = attention("gpt_neox", 0);
        assertThat(List.of(neox.queryStart(), neox.keyStart(), neox.valueStart()))
                .containsExactly(0, 16, 32);
        assertThat(neox.keyStride()).isEqualTo(48);
        assertThat(neox.rope().dims()).isEqualTo(4);
        assertThat(attention("gpt_neox-sequential", 0).rope().dims()).isEqualTo(16);
        AttentionSpec llama = attention("llama", 0);
        assertThat(List.of(llama.queryStart(), llama.keyStart(), llama.valueStart()))
                .containsExactly(0, 64, 96);
        assertThat(llama.rowWidth()).isEqualTo(128);
        AttentionSpec gpt2 = attention("gpt2", 0);
        assertThat(List.of(gpt2.queryStart(), gpt2.keyStart(), gpt2.valueStart()))
                .containsExactly(0, 64, 128);
        assertThat(gpt2.projections().getFirst().inputMajor()).isTrue();
        assertThat(gpt2.scale()).isEqualTo(0.25f);
    }

    @Test
    void appliesWindowsWhereTheConfigurationSays() throws IOException {
        assertThat(windows(spec("mistral", "config.json"))).containsExactly(6, 6, 6);
        assertThat(windows(spec("qwen2", "config.json"))).containsExactly(0, 0, 0);
        assertThat(windows(spec("gemma2", "config.json"))).containsExactly(6, 0, 6);
        assertThat(windows(with("mistral", "sliding_window", null))).containsExactly(0, 0, 0);
        assertThat(windows(with("qwen2", "use_sliding_window", true, "max_window_layers", 1L)))
                .containsExactly(0, 4, 4);
        assertThat(windows(with("qwen2", "use_sliding_window", true, "max_window_layers", 0L)))
                .containsExactly(4, 4, 4);
        List<String> types = List.of("sliding_attention", "full_attention", "sliding_attention");
        assertThat(windows(with("qwen2", "use_sliding_window", true, "layer_types", types)))
                .containsExactly(4, 0, 4);
    }

    @Test
    void describesWhatGemmaAdds() throws IOException {
        DecoderSpec gemma = spec("gemma2", "config.json");
        LayerSpec layer = gemma.layers().getFirst();
        assertThat(layer.attentionNorm().weightOffset()).isEqualTo(1);
        assertThat(layer.attentionOutNorm().weight()).endsWith("post_attention_layernorm.weight");
        assertThat(layer.mlpNorm().weight()).endsWith("pre_feedforward_layernorm.weight");
        assertThat(layer.mlpOutNorm().weight()).endsWith("post_feedforward_layernorm.weight");
        assertThat(layer.attention().softcap()).isEqualTo(2);
        assertThat(gemma.head().softcap()).isEqualTo(3);
        assertThat(layer.attention().scale()).isEqualTo((float) (1 / Math.sqrt(18)));
        assertThat(gemma.embedding().scale()).isEqualTo(8);
        assertThat(layer.mlp().activation()).isEqualTo(Activation.GELU_TANH);
    }

    @Test
    void scalesGpt2ByLayerWhenAsked() throws IOException {
        DecoderSpec spec = with("gpt2", "scale_attn_by_inverse_layer_idx", true);
        assertThat(spec.layers().get(2).attention().scale()).isEqualTo(0.25f / 3);
        assertThat(with("gpt2", "scale_attn_weights", false).layers().get(1).attention().scale())
                .isEqualTo(1);
    }

    @Test
    void findsTensorsUnderTheNamesOfTheHub() throws IOException {
        ModelConfig opt = ModelConfig.read(golden("opt", "config.json"));
        Set<String> stripped =
                names("opt").stream()
                        .map(name -> name.substring("model.".length()))
                        .collect(Collectors.toSet());
        assertThat(Architectures.of(opt).spec(opt, stripped).embedding().tokens())
                .isEqualTo("decoder.embed_tokens.weight");
        ModelConfig llama = ModelConfig.read(golden("llama-headdim", "config.json"));
        Set<String> base =
                names("llama-headdim").stream()
                        .map(name -> name.substring("model.".length()))
                        .collect(Collectors.toSet());
        assertThat(Architectures.of(llama).spec(llama, base).head().norm().weight())
                .isEqualTo("norm.weight");
    }

    @Test
    void namesATiedTableAsTheCheckpointStoresIt() throws IOException {
        ModelConfig opt = ModelConfig.read(golden("opt", "config.json"));
        Set<String> names = new LinkedHashSet<>(names("opt"));
        names.remove("model.decoder.embed_tokens.weight");
        names.add("lm_head.weight");
        DecoderSpec spec = Architectures.of(opt).spec(opt, names);
        assertThat(spec.isTied()).isTrue();
        assertThat(spec.embedding().tokens()).isEqualTo("lm_head.weight");
    }

    @Test
    void tiesASilentConfigurationOnlyWithoutAHead() throws IOException {
        Map<String, Object> fields = fields("llama");
        fields.remove("tie_word_embeddings");
        ModelConfig config = ModelConfig.of("test", new JsonObject(fields));
        Set<String> names = new LinkedHashSet<>(names("llama"));
        assertThat(Architectures.of(config).spec(config, names).isTied()).isFalse();
        names.remove("lm_head.weight");
        assertThat(Architectures.of(config).spec(config, names).isTied()).isTrue();
        assertThat(spec("llama", "config.json").isTied()).isFalse();
    }

    @Test
    void knowsBuffersFromWeights() {
        Architecture gpt2 = Architectures.find("gpt2").orElseThrow();
        assertThat(gpt2.isBuffer("h.11.attn.bias")).isTrue();
        assertThat(gpt2.isBuffer("transformer.h.0.attn.masked_bias")).isTrue();
        assertThat(gpt2.isBuffer("h.0.attn.c_attn.bias")).isFalse();
        Architecture llama = Architectures.find("llama").orElseThrow();
        assertThat(llama.isBuffer("model.layers.0.self_attn.rotary_emb.inv_freq")).isTrue();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            nullValues = "-",
            value = {
                "llama; model_type; \"bert\"; unknown architecture",
                "llama; model_type; -; 'model_type' is missing",
                "llama; hidden_size; -; 'hidden_size' is missing",
                "llama; hidden_size; 0; 'hidden_size' is 0",
                "llama; hidden_size; \"64\"; 'hidden_size' is not an integer",
                "llama; hidden_size; 66; no multiple of the 4 heads",
                "llama; num_hidden_layers; 100000; at most",
                "llama; num_attention_heads; 99999999999999999999; does not fit",
                "llama; num_key_value_heads; 3; no divisor",
                "llama; head_dim; 16000000; multiply to",
                "llama; head_dim; 17; no pairs",
                "llama; rms_norm_eps; -1; 'rms_norm_eps' is -1.0",
                "llama; rms_norm_eps; \"Infinity\"; 'rms_norm_eps' is Infinity",
                "llama; hidden_act; \"mish\"; an activation that is not supported",
                "llama; rope_scaling; {\"type\":\"longrope\"}; not supported",
                "llama; rope_scaling; {\"type\":\"linear\"}; 'factor' of the rotary scaling",
                "llama; rope_scaling; 3; 'rope_scaling' is not an object",
                "llama; rope_theta; 0; 'rope_theta' is 0.0",
                "llama; tie_word_embeddings; \"no\"; 'tie_word_embeddings' is not true or false",
                "qwen2; layer_types; [\"full_attention\"]; 1 entries for 3 layers",
                "qwen2; layer_types; [\"a\",\"b\",\"c\"]; unknown type a",
                "gpt2; add_cross_attention; true; is true, which is not supported",
                "opt; layer_norm_elementwise_affine; false; is false, which is not supported",
                "gpt_neox; rotary_pct; 1.5; more than the whole head",
            })
    void refusesSillyFields(String model, String field, String json, String message)
            throws IOException {
        Map<String, Object> fields = fields(model);
        fields.put(field, json == null ? null : Json.parse(json));
        ModelConfig config = ModelConfig.of("x/config.json", new JsonObject(fields));
        assertThatThrownBy(() -> Architectures.of(config).spec(config, Set.of()))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("x/config.json: ")
                .hasMessageContaining(message);
    }

    @Test
    void refusesAnyRandomDamageOnlyWithBadInput() throws IOException {
        long seed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(seed);
        List<Object> silly = new ArrayList<>(List.of(0L, -1L, 1L << 40, 1.5, "x", true, List.of()));
        silly.add(null);
        silly.add(Map.of("rope_type", "yarn", "factor", 0L));
        silly.add(16_000_000L);
        for (String name : goldenNames()) {
            for (String field : fields(name).keySet()) {
                Map<String, Object> fields = fields(name);
                Object value = silly.get(random.nextInt(silly.size()));
                fields.put(field, value);
                ModelConfig config = ModelConfig.of("x", new JsonObject(fields));
                try {
                    ModelLayout.of(NamedArchitectures.spec(config), DType.F32);
                } catch (BadInputException e) {
                    assertThat(e).hasMessageStartingWith("x: ");
                } catch (RuntimeException e) {
                    throw new AssertionError(
                            "seed " + seed + ": " + name + " " + field + " = " + value, e);
                }
            }
        }
    }

    private static List<Integer> windows(DecoderSpec spec) {
        return spec.layers().stream().map(layer -> layer.attention().window()).toList();
    }

    private static AttentionSpec attention(String name, int layer) throws IOException {
        return spec(name, "config.json").layers().get(layer).attention();
    }

    private static DecoderSpec with(String name, Object... changes) throws IOException {
        Map<String, Object> fields = fields(name);
        for (int i = 0; i < changes.length; i += 2) {
            fields.put((String) changes[i], changes[i + 1]);
        }
        ModelConfig config = ModelConfig.of("test", new JsonObject(fields));
        return Architectures.of(config).spec(config, names(name));
    }

    private static Map<String, Object> fields(String name) throws IOException {
        return new LinkedHashMap<>(
                Json.parseObject(Files.readString(golden(name, "config.json"))).fields());
    }

    private static DecoderSpec spec(String name, String configFile) throws IOException {
        ModelConfig config = ModelConfig.read(golden(name, configFile));
        return Architectures.of(config).spec(config, names(name));
    }

    private static Set<String> names(String name) throws IOException {
        List<?> trainable = (List<?>) Json.parse(Files.readString(golden(name, "trainable.json")));
        return trainable.stream()
                .map(tensor -> JsonObject.of((Map<?, ?>) tensor).string("name"))
                .collect(Collectors.toSet());
    }

    private static Path golden(String name, String file) {
        return TestModels.resource("golden/" + name + "/" + file);
    }
}
