package io.millrace.model.architecture.known;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import io.millrace.model.TestModels;
import io.millrace.model.architecture.Architecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.Mask;
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
        ModelLayout layout = ModelLayout.of(program(name, "config.json"), DType.F32);
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
        assertThat(program(name, "config.v5.json")).isEqualTo(program(name, "config.json"));
    }

    @ParameterizedTest
    @MethodSource("goldenNames")
    void guessesTheNamesWithoutWeights(String name) throws IOException {
        ModelConfig config = ModelConfig.read(golden(name, "config.json"));
        ModelProgram guessed = NamedArchitectures.program(config);
        long elements = ModelLayout.of(guessed, DType.F32).elementCount();
        assertThat(elements)
                .isEqualTo(ModelLayout.of(program(name, "config.json"), DType.F32).elementCount());
        if (!name.equals("gpt2-hubnames")) {
            assertThat(guessed).isEqualTo(program(name, "config.json"));
        }
    }

    @Test
    void layersWithoutPositionsDoNotTurn() throws IOException {
        List<Boolean> turning =
                program("smollm3", "config.json").layers().stream()
                        .map(layer -> layer.ops().stream().anyMatch(Op.Rotate.class::isInstance))
                        .toList();
        assertThat(turning).containsExactly(true, true, true, false, true);
        assertThat(windows(program("smollm3", "config.json"))).containsExactly(0, 0, 0, 5, 0);
        assertThat(windows(program("starcoder2", "config.json"))).containsExactly(6, 6);
    }

    @Test
    void describesOptOfBothLayouts() throws IOException {
        ModelProgram opt = program("opt", "config.json");
        Op.Norm first = (Op.Norm) opt.layers().getFirst().ops().getFirst();
        assertThat(first.in().memory()).isEqualTo(Value.Memory.STREAM);
        assertThat(first.out().memory()).isEqualTo(Value.Memory.STATES);
        assertThat(only(Op.Activate.class, opt.layers().getFirst()).activation())
                .isEqualTo(Activation.RELU);
        Op.Lookup positions = all(Op.Lookup.class, opt.embedding()).get(1);
        assertThat(positions.index()).isEqualTo(Op.Index.POSITION);
        assertThat(positions.offset()).isEqualTo(2);
        assertThat(positions.table().rows()).isEqualTo(66);
        assertThat(opt.maxPositions()).isEqualTo(64);
        assertThat(opt.isTied()).isTrue();
        ModelProgram small = program("opt-350m", "config.json");
        Op.Norm last = (Op.Norm) small.layers().getFirst().ops().getLast();
        assertThat(last.in().memory()).isEqualTo(Value.Memory.STREAM);
        assertThat(last.out().memory()).isEqualTo(Value.Memory.STREAM);
        assertThat(all(Op.Norm.class, small.head())).isEmpty();
        assertThat(only(Op.Linear.class, small.head()).out().width()).isEqualTo(40);
        assertThat(only(Op.Linear.class, small.embedding()).in().width()).isEqualTo(40);
    }

    @Test
    void adaptsTheOrderOfPartsToTheFamily() throws IOException {
        List<String> parallel = kinds(program("gpt_neox", "config.json").layers().getFirst());
        assertThat(parallel)
                .containsExactly(
                        "Norm",
                        "Linear",
                        "Rotate",
                        "Attend",
                        "Norm",
                        "Linear",
                        "Activate",
                        "Linear",
                        "Add",
                        "Linear",
                        "Add");
        List<String> gemma = kinds(program("gemma2", "config.json").layers().getFirst());
        assertThat(gemma)
                .containsExactly(
                        "Norm", "Linear", "Rotate", "Attend", "Linear", "Norm", "Add", "Norm",
                        "Linear", "Linear", "Gate", "Linear", "Norm", "Add");
        List<String> late = kinds(program("opt-350m", "config.json").layers().getFirst());
        assertThat(late)
                .containsExactly(
                        "Linear",
                        "Attend",
                        "Linear",
                        "Add",
                        "Norm",
                        "Linear",
                        "Activate",
                        "Linear",
                        "Add",
                        "Norm");
        assertThat(all(Op.NormHeads.class, program("qwen3", "config.json").layers().getFirst()))
                .hasSize(2);
    }

    @Test
    void describesAttentionColumns() throws IOException {
        assertThat(starts("gpt_neox")).containsExactly(0, 16, 32);
        assertThat(heads("gpt_neox").keys().stride()).isEqualTo(48);
        assertThat(rope("gpt_neox")).isEqualTo(4);
        assertThat(rope("gpt_neox-sequential")).isEqualTo(16);
        assertThat(starts("llama")).containsExactly(0, 64, 96);
        assertThat(attention("llama").in().width()).isEqualTo(128);
        assertThat(starts("gpt2")).containsExactly(0, 64, 128);
        BlockProgram gpt2 = program("gpt2", "config.json").layers().getFirst();
        assertThat(all(Op.Linear.class, gpt2).getFirst().matrices().getFirst().inputMajor())
                .isTrue();
        assertThat(attention("gpt2").attention().scale()).isEqualTo(0.25f);
    }

    @Test
    void appliesWindowsWhereTheConfigurationSays() throws IOException {
        assertThat(windows(program("mistral", "config.json"))).containsExactly(6, 6, 6);
        assertThat(windows(program("qwen2", "config.json"))).containsExactly(0, 0, 0);
        assertThat(windows(program("gemma2", "config.json"))).containsExactly(6, 0, 6);
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
        ModelProgram gemma = program("gemma2", "config.json");
        BlockProgram layer = gemma.layers().getFirst();
        List<Op.Norm> norms = all(Op.Norm.class, layer);
        assertThat(norms).allMatch(norm -> norm.norm().weightOffset() == 1);
        assertThat(norms.stream().map(norm -> norm.norm().weight()))
                .containsExactly(
                        "model.layers.0.input_layernorm.weight",
                        "model.layers.0.post_attention_layernorm.weight",
                        "model.layers.0.pre_feedforward_layernorm.weight",
                        "model.layers.0.post_feedforward_layernorm.weight");
        assertThat(attention("gemma2").attention().softcap()).isEqualTo(2);
        assertThat(gemma.score().softcap()).isEqualTo(3);
        assertThat(attention("gemma2").attention().scale()).isEqualTo((float) (1 / Math.sqrt(18)));
        assertThat(only(Op.Lookup.class, gemma.embedding()).scale()).isEqualTo(8);
        assertThat(only(Op.Gate.class, layer).activation()).isEqualTo(Activation.GELU_TANH);
    }

    @Test
    void scalesGpt2ByLayerWhenAsked() throws IOException {
        ModelProgram scaled = with("gpt2", "scale_attn_by_inverse_layer_idx", true);
        assertThat(only(Op.Attend.class, scaled.layers().get(2)).attention().scale())
                .isEqualTo(0.25f / 3);
        ModelProgram plain = with("gpt2", "scale_attn_weights", false);
        assertThat(only(Op.Attend.class, plain.layers().get(1)).attention().scale()).isEqualTo(1);
    }

    @Test
    void findsTensorsUnderTheNamesOfTheHub() throws IOException {
        ModelConfig opt = ModelConfig.read(golden("opt", "config.json"));
        Set<String> stripped =
                names("opt").stream()
                        .map(name -> name.substring("model.".length()))
                        .collect(Collectors.toSet());
        assertThat(tokens(Architectures.of(opt).program(opt, stripped)))
                .isEqualTo("decoder.embed_tokens.weight");
        ModelConfig llama = ModelConfig.read(golden("llama-headdim", "config.json"));
        Set<String> base =
                names("llama-headdim").stream()
                        .map(name -> name.substring("model.".length()))
                        .collect(Collectors.toSet());
        ModelProgram stored = Architectures.of(llama).program(llama, base);
        assertThat(only(Op.Norm.class, stored.head()).norm().weight()).isEqualTo("norm.weight");
    }

    @Test
    void namesATiedTableAsTheCheckpointStoresIt() throws IOException {
        ModelConfig opt = ModelConfig.read(golden("opt", "config.json"));
        Set<String> names = new LinkedHashSet<>(names("opt"));
        names.remove("model.decoder.embed_tokens.weight");
        names.add("lm_head.weight");
        ModelProgram program = Architectures.of(opt).program(opt, names);
        assertThat(program.isTied()).isTrue();
        assertThat(tokens(program)).isEqualTo("lm_head.weight");
    }

    @Test
    void tiesASilentConfigurationOnlyWithoutAHead() throws IOException {
        Map<String, Object> fields = fields("llama");
        fields.remove("tie_word_embeddings");
        ModelConfig config = ModelConfig.of("test", new JsonObject(fields));
        Set<String> names = new LinkedHashSet<>(names("llama"));
        assertThat(Architectures.of(config).program(config, names).isTied()).isFalse();
        names.remove("lm_head.weight");
        assertThat(Architectures.of(config).program(config, names).isTied()).isTrue();
        assertThat(program("llama", "config.json").isTied()).isFalse();
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
                "llama; model_type; \"t5\"; an encoder with a decoder behind it",
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
                "llama; rope_scaling; {\"type\":\"proportional\"}; not supported",
                "llama; rope_scaling; {\"type\":\"linear\"}; 'factor' of the rotary scaling",
                "llama; rope_scaling; 3; 'rope_scaling' is not an object",
                "llama; rope_theta; 0; 'rope_theta' is 0.0",
                "llama; tie_word_embeddings; \"no\"; 'tie_word_embeddings' is not true or false",
                "qwen2; layer_types; [\"full_attention\"]; 1 entries for 3 layers",
                "qwen2; layer_types; [\"a\",\"b\",\"c\"]; unknown type a",
                "gpt2; add_cross_attention; true; is true, which is not supported",
                "opt; layer_norm_elementwise_affine; false; is false, which is not supported",
                "gpt_neox; rotary_pct; 1.5; more than the whole head",
                "smollm3; no_rope_layers; [1,0]; is no list of a 0 or a 1 for each layer",
                "smollm3; no_rope_layers; [1,1,null,0,1]; is no list of a 0 or a 1 for each layer",
                "starcoder2; num_key_value_heads; 3; no divisor of 4 heads",
            })
    void refusesSillyFields(String model, String field, String json, String message)
            throws IOException {
        Map<String, Object> fields = fields(model);
        fields.put(field, json == null ? null : Json.parse(json));
        ModelConfig config = ModelConfig.of("x/config.json", new JsonObject(fields));
        assertThatThrownBy(() -> Architectures.of(config).program(config, Set.of()))
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
                    ModelLayout.of(NamedArchitectures.program(config), DType.F32);
                } catch (BadInputException e) {
                    assertThat(e).hasMessageStartingWith("x: ");
                } catch (RuntimeException e) {
                    throw new AssertionError(
                            "seed " + seed + ": " + name + " " + field + " = " + value, e);
                }
            }
        }
    }

    private static List<Integer> windows(ModelProgram program) {
        return program.layers().stream()
                .map(layer ->
                        switch (only(Op.Attend.class, layer).attention().mask()) {
                            case Mask.Causal() -> 0;
                            case Mask.Window(int positions) -> positions;
                            case Mask.Full(), Mask.Around(_) -> -1;
                        })
                .toList();
    }

    private static Op.Attend attention(String name) throws IOException {
        return only(Op.Attend.class, program(name, "config.json").layers().getFirst());
    }

    private static HeadsSpec heads(String name) throws IOException {
        return attention(name).attention().heads();
    }

    private static List<Integer> starts(String name) throws IOException {
        HeadsSpec heads = heads(name);
        return List.of(heads.queries().start(), heads.keys().start(), heads.values().start());
    }

    private static int rope(String name) throws IOException {
        return only(Op.Rotate.class, program(name, "config.json").layers().getFirst())
                .rope()
                .dims();
    }

    private static String tokens(ModelProgram program) {
        return all(Op.Lookup.class, program.embedding()).getFirst().table().name();
    }

    private static List<String> kinds(BlockProgram block) {
        return block.ops().stream().map(op -> op.getClass().getSimpleName()).toList();
    }

    private static <O extends Op> List<O> all(Class<O> kind, BlockProgram block) {
        return block.ops().stream().filter(kind::isInstance).map(kind::cast).toList();
    }

    private static <O extends Op> O only(Class<O> kind, BlockProgram block) {
        assertThat(all(kind, block)).hasSize(1);
        return all(kind, block).getFirst();
    }

    private static ModelProgram with(String name, Object... changes) throws IOException {
        Map<String, Object> fields = fields(name);
        for (int i = 0; i < changes.length; i += 2) {
            fields.put((String) changes[i], changes[i + 1]);
        }
        ModelConfig config = ModelConfig.of("test", new JsonObject(fields));
        return Architectures.of(config).program(config, names(name));
    }

    private static Map<String, Object> fields(String name) throws IOException {
        return new LinkedHashMap<>(
                Json.parseObject(Files.readString(golden(name, "config.json"))).fields());
    }

    private static ModelProgram program(String name, String configFile) throws IOException {
        ModelConfig config = ModelConfig.read(golden(name, configFile));
        return Architectures.of(config).program(config, names(name));
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
