package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** An adapter that is not what it should be is refused in a line, and nothing is written. */
class RefusedAdapterTest {
    private static final String Q = "model.layers.1.self_attn.q_proj";

    @TempDir static Path shared;
    private static Path whole;

    @TempDir Path temp;
    private Path model;
    private RealCommand command;

    /** Spoils a folder that was written whole. */
    interface Spoil {
        void at(Path folder) throws IOException;
    }

    @BeforeAll
    static void write() {
        whole = TestModel.write(shared.resolve("model"), DType.BF16, 2, 64);
    }

    @BeforeEach
    void watch() {
        model = whole;
        command = new RealCommand(temp);
    }

    private List<String> merge() {
        return List.of(
                "merge",
                "--model=" + model,
                "--adapter=" + temp.resolve("adapter"),
                "--out=" + temp.resolve("merged"));
    }

    private static Arguments field(String name, Object value, String... message) {
        return made(name + " " + value, adapter -> adapter.config.put(name, value), message);
    }

    private static Arguments made(String what, Consumer<TestAdapter> change, String... message) {
        return Arguments.of(what, change, (Spoil) _ -> {}, Arrays.asList(message));
    }

    private static Arguments spoilt(String what, Spoil spoil, String... message) {
        return Arguments.of(what, (Consumer<TestAdapter>) _ -> {}, spoil, Arrays.asList(message));
    }

    static Stream<Arguments> configurations() {
        String file = "adapter_config.json: field '";
        return Stream.of(
                field(
                        "peft_type",
                        "ADALORA",
                        file + "peft_type' is 'ADALORA', and of the types IA3, LORA, MILLRACE"),
                field("peft_type", "LOHA", "is 'LOHA', and", "; give one of these"),
                field("peft_type", "IA3", "is '4', which is not known to leave"),
                field("peft_type", null, "field 'peft_type' is missing"),
                field("peft_type", 3L, "field 'peft_type' is not a string"),
                field("use_dora", true, file + "use_dora' asks for DoRA"),
                field("bias", "all", "field 'bias' is 'all'", "merge_and_unload"),
                field("bias", "lora_only", "field 'bias' is 'lora_only'"),
                field("modules_to_save", List.of("lm_head"), "field 'modules_to_save' names"),
                field("lora_bias", true, "field 'lora_bias' asks"),
                field("target_parameters", List.of("x"), "field 'target_parameters' names"),
                field("trainable_token_indices", List.of(1L), "field 'trainable_token_indices'"),
                field("layer_replication", List.of(List.of(0L, 1L)), "'layer_replication' repeats"),
                field("megatron_config", Map.of("a", 1L), "field 'megatron_config' is for"),
                field("use_qalora", true, "field 'use_qalora' pools"),
                field("alora_invocation_tokens", List.of(1L), "'alora_invocation_tokens'"),
                field("use_newlora", true, "field 'use_newlora' is not known here"),
                field("newlora_config", Map.of("a", 1L), "field 'newlora_config' is not known"),
                field("init_lora_weights", "pissa_niter_4", "is 'pissa_niter_4', not one of"),
                field("init_lora_weights", "olora", "is 'olora'", "weight_conversion"),
                field("init_lora_weights", "loftq", "is 'loftq'"),
                field("init_lora_weights", "corda", "is 'corda'"),
                field("init_lora_weights", "lora_ga", "is 'lora_ga'"),
                field("init_lora_weights", List.of(), "is '[]', not one of"),
                field("r", 0L, "field 'r' has the rank 0"),
                field("r", "8", "field 'r' has the rank 8"),
                field("r", 4.5, "field 'r' has the rank 4.5"),
                field("lora_alpha", "much", "field 'lora_alpha' has much"),
                field("rank_pattern", Map.of("q_proj", -1L), "'rank_pattern' has the rank -1"),
                field("rank_pattern", List.of(), "field 'rank_pattern' is not an object"),
                field("rank_pattern", Map.of("q_proj(", 4L), "'rank_pattern' has 'q_proj('"),
                field("alpha_pattern", Map.of("q_proj", true), "'alpha_pattern' has true"),
                field("use_rslora", 1L, "field 'use_rslora' is not true or false"),
                field("fan_in_fan_out", "no", "field 'fan_in_fan_out' is not true or false"),
                field("target_modules", null, "field 'target_modules' is missing"),
                field("target_modules", List.of(1L), "field 'target_modules' has 1 where names"),
                field("target_modules", "[", "field 'target_modules' has '['"),
                field("exclude_modules", 1L, "field 'exclude_modules' is not an array"),
                field("layers_pattern", "layers", "'layers_pattern' is given without"),
                field("layers_to_transform", List.of(-1L), "'layers_to_transform' has -1"),
                made(
                        "layers of a pattern",
                        adapter -> {
                            adapter.config.put("target_modules", ".*q_proj");
                            adapter.config.put("layers_to_transform", 1L);
                        },
                        "'layers_to_transform' is given beside"));
    }

    static Stream<Arguments> factors() {
        String first = TestAdapter.first(1);
        String second = TestAdapter.second(1);
        return Stream.of(
                made("no B", a -> a.remove(second), "has A of '" + Q + "' and no B"),
                made("no A", a -> a.remove(first), "has B of '" + Q + "' and no A"),
                made(
                        "a layer missing",
                        a -> {
                            a.remove(first);
                            a.remove(second);
                        },
                        "has no factors of '" + Q + "', which is among the targets"),
                made(
                        "nothing",
                        a ->
                                Stream.of(0, 1)
                                        .forEach(layer -> {
                                            a.remove(TestAdapter.first(layer));
                                            a.remove(TestAdapter.second(layer));
                                        }),
                        "has no factors of a LoRA"),
                made(
                        "no such layer",
                        a -> a.rename(first, TestAdapter.first(7)),
                        "has an adapter of 'model.layers.7.self_attn.q_proj', a module that",
                        "; give the base that it was trained on; this one has"
                                + " model.layers.0.self_attn.q_proj, model.layers.1.self_attn"),
                made(
                        "no such kind of module",
                        a -> a.put("base_model.model.h.0.c_fc.lora_A.weight", 4, 64),
                        "has an adapter of 'h.0.c_fc', a module that",
                        "this one has lm_head, model.embed_tokens, "),
                field(
                        "target_modules",
                        List.of("v_proj"),
                        "has an adapter of 'model.layers.0.self_attn.q_proj', which is not among"),
                field("exclude_modules", "model\\.layers\\.1\\..*", "'" + Q + "', which is not"),
                field("layers_to_transform", 0L, "'" + Q + "', which is not among the targets"),
                field("r", 2L, "has rank 4, and by adapter_config.json the module has 2"),
                field("rank_pattern", Map.of("1.*q_proj", 3L), "the module has 3"),
                made(
                        "another width",
                        a -> a.put(first, 4, 32),
                        "tensor '" + first + "' has shape [4, 32] where the module in ",
                        " asks for [4, 64]; give the base that the adapter was trained on"),
                made("ranks apart", a -> a.put(second, 64, 2), second + "' has rank 2, and by"),
                made("twice the width", a -> a.put(first, 4, 64 * 2), "has shape [4, 128] where"),
                made("NaN", a -> a.set(first, 5, Float.NaN), "' has NaN at element 5"),
                made(
                        "infinity",
                        a -> a.set(second, 255, Float.NEGATIVE_INFINITY),
                        "' has -Infinity at element 255"),
                made("integers", a -> a.retype(first, DType.I32), "is of I32; save the adapter in"),
                made(
                        "a named adapter",
                        a -> a.rename(first, first.replace("A.weight", "A.default.weight")),
                        "A.default.weight' is none that PEFT loads into a LoRA"),
                made(
                        "without a prefix",
                        a -> a.rename(first, first.replace("base_model.model.", "")),
                        "' is none that PEFT loads into a LoRA"),
                made(
                        "DoRA",
                        a -> a.put(first.replace("lora_A", "lora_magnitude_vector"), 1, 64),
                        "' is of DoRA"),
                made(
                        "bias beside B",
                        a -> a.put(second.replace("B.weight", "B.bias"), 1, 64),
                        "' is a bias beside B"),
                made(
                        "a module saved whole",
                        a -> a.put("base_model.model.lm_head.weight", TestModel.VOCABULARY, 64),
                        "'base_model.model.lm_head.weight' is not what the base has as"),
                made(
                        "an embedding's factor of a linear module",
                        a -> a.rename(first, first.replace("lora_A.weight", "lora_embedding_A")),
                        "' is of an embedding, and '" + Q + "' is not one"));
    }

    static Stream<Arguments> folders() {
        return Stream.of(
                spoilt(
                        "no configuration",
                        f -> Files.delete(f.resolve(TestAdapter.CONFIG)),
                        "adapter: has no adapter_config.json"),
                spoilt(
                        "no weights",
                        f -> Files.delete(f.resolve(TestAdapter.WEIGHTS)),
                        "adapter: has adapter_config.json and no adapter_model.safetensors"),
                spoilt(
                        "pickled",
                        f ->
                                Files.move(
                                        f.resolve(TestAdapter.WEIGHTS),
                                        f.resolve("adapter_model.bin")),
                        "adapter_model.bin: ",
                        "is no archive of torch.save"),
                spoilt(
                        "cut short",
                        f -> {
                            byte[] bytes = Files.readAllBytes(f.resolve(TestAdapter.WEIGHTS));
                            Files.write(
                                    f.resolve(TestAdapter.WEIGHTS),
                                    Arrays.copyOf(bytes, bytes.length - 8));
                        },
                        "adapter_model.safetensors: tensor '"),
                spoilt(
                        "empty weights",
                        f -> Files.write(f.resolve(TestAdapter.WEIGHTS), new byte[0]),
                        "has 0 bytes, too few"),
                spoilt(
                        "not JSON",
                        f -> Files.writeString(f.resolve(TestAdapter.CONFIG), "{\"r\": 4,"),
                        "adapter_config.json: it is not valid JSON"),
                spoilt(
                        "only its part",
                        f -> Files.move(f, f.resolveSibling("adapter.part")),
                        "adapter: there is only its part"),
                spoilt(
                        "no folder",
                        f -> Files.move(f, f.resolveSibling("elsewhere")),
                        "adapter: there is no such folder"),
                spoilt(
                        "a model",
                        f -> {
                            Files.move(f.resolve(TestAdapter.CONFIG), f.resolve("config.json"));
                        },
                        "adapter: is a model and no adapter"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource({"configurations", "factors", "folders"})
    void aSpoiltAdapterIsRefused(
            String what, Consumer<TestAdapter> change, Spoil spoil, List<String> message)
            throws IOException {
        TestAdapter adapter = new TestAdapter(2, 64);
        change.accept(adapter);
        spoil.at(adapter.write(temp.resolve("adapter")));
        assertThat(command.refused(merge())).contains(message);
    }

    /** Beside a model that is only read, a folder has to be as whole. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("folders")
    void soItIsBesideAModel(
            String what, Consumer<TestAdapter> change, Spoil spoil, List<String> message)
            throws IOException {
        spoil.at(new TestAdapter(2, 64).write(temp.resolve("adapter")));
        assertThat(
                        command.refused(
                                List.of(
                                        "eval",
                                        "--model=" + model,
                                        "--adapter=" + temp.resolve("adapter"),
                                        "--data="
                                                + TestModel.data(shared.resolve("ids.jsonl"), 3))))
                .contains(message);
    }

    static Stream<Arguments> harmless() {
        Map<String, Object> nothing = new HashMap<>();
        nothing.put("new_field", null);
        nothing.put("new_switch", false);
        nothing.put("new_list", List.of());
        nothing.put("new_object", Map.of());
        nothing.put("new_number", 0L);
        nothing.put("loftq_config", Map.of("loftq_bits", 4L));
        nothing.put("megatron_core", "megatron.core");
        nothing.put("qalora_group_size", 16L);
        nothing.put("lora_dropout", 0.1);
        return Stream.of(
                made("what says nothing", a -> a.config.putAll(nothing)),
                field("init_lora_weights", "eva"),
                field("fan_in_fan_out", true),
                field("target_modules", ".*self_attn\\.q_proj"),
                field("target_modules", List.of("model.layers.0.self_attn.q_proj", Q)),
                made(
                        "some layers",
                        a -> {
                            a.config.put("layers_to_transform", List.of(1L));
                            a.config.put("layers_pattern", List.of("h", "layers"));
                            a.remove(TestAdapter.first(0));
                            a.remove(TestAdapter.second(0));
                        }));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("harmless")
    void whatSaysNothingIsTaken(
            String what, Consumer<TestAdapter> change, Spoil spoil, List<String> message)
            throws IOException {
        TestAdapter adapter = new TestAdapter(2, 64);
        change.accept(adapter);
        spoil.at(adapter.write(temp.resolve("adapter")));
        assertThat(command.done(merge())).startsWith("merged ");
    }

    @ParameterizedTest
    @MethodSource("tiedModules")
    void aTiedEmbeddingIsRefusedWithTheReason(String module, String factor, String message)
            throws IOException {
        model = TestModel.copySample(temp.resolve("tied"));
        TestAdapter adapter = new TestAdapter(6, 128);
        adapter.put("base_model.model." + module + factor, 4, 128);
        adapter.config.put("target_modules", List.of("q_proj", "lm_head", "embed_tokens"));
        adapter.write(temp.resolve("adapter"));
        assertThat(command.refused(merge())).contains(message);
    }

    static Stream<Arguments> tiedModules() {
        return Stream.of(
                Arguments.of(
                        "lm_head",
                        ".lora_A.weight",
                        "has an adapter of 'lm_head', which is head and embedding in one"),
                Arguments.of(
                        "model.embed_tokens",
                        ".lora_embedding_A",
                        "has an adapter of 'model.embed_tokens', which is embedding and head in"));
    }
}
