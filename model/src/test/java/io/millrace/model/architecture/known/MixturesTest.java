package io.millrace.model.architecture.known;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.Checkpoint;
import io.millrace.model.CheckpointWriter;
import io.millrace.model.ProgramTensors;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.RouteSpec;
import io.millrace.model.spec.TensorSpec;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Mixtures of experts as configurations ask for them, and how tokens choose. */
class MixturesTest {
    private static final String LAYER = "model.layers.3.mlp.";
    private static final String SIZES =
            """
            {"vocab_size": 32, "hidden_size": 8, "num_hidden_layers": 4, "intermediate_size": 12,
             "num_attention_heads": 2, "num_key_value_heads": 2, "moe_intermediate_size": 6,
             "shared_expert_intermediate_size": 5, "num_experts_per_tok": 2}\
            """;

    private static ModelProgram program(String type, String fields) {
        return NamedArchitectures.program(config(type, fields));
    }

    private static ModelConfig config(String type, String fields) {
        Map<String, Object> all = new LinkedHashMap<>(Json.parseObject(SIZES).fields());
        all.put("model_type", type);
        all.putAll(Json.parseObject(fields).fields());
        return ModelConfig.of("test", new JsonObject(all));
    }

    private static List<Integer> experts(ModelProgram program) {
        return program.layers().stream()
                .map(BlockProgram::ops)
                .map(ops ->
                        ops.stream()
                                .filter(MixtureOp.Experts.class::isInstance)
                                .mapToInt(op -> ((MixtureOp.Experts) op).experts().size())
                                .sum())
                .toList();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "mixtral   | {} | [8, 8, 8, 8]",
                "mixtral   | {'num_local_experts': 3} | [3, 3, 3, 3]",
                "mixtral   | {'num_experts': 3} | [3, 3, 3, 3]",
                "qwen2_moe | {} | [60, 60, 60, 60]",
                "qwen2_moe | {'num_experts': 4, 'decoder_sparse_step': 2} | [0, 4, 0, 4]",
                "qwen3_moe | {} | [128, 128, 128, 128]",
                "qwen3_moe | {'num_local_experts': 4, 'mlp_only_layers': [0, 3]} | [0, 4, 4, 0]",
                "qwen3_moe | {'num_experts': 4, 'mlp_only_layers': null} | [4, 4, 4, 4]",
                "olmoe     | {} | [64, 64, 64, 64]",
                "gpt_oss   | {} | [128, 128, 128, 128]",
                "granitemoe | {} | [8, 8, 8, 8]",
                "deepseek_v2 | {'first_k_dense_replace': 1} | [0, 64, 64, 64]",
                "deepseek_v2 | {'first_k_dense_replace': 0} | [64, 64, 64, 64]",
                "deepseek_v3 | {'num_local_experts': 32} | [0, 0, 0, 32]",
                "glm4_moe  | {} | [0, 128, 128, 128]"
            })
    void layersHaveAsManyAsTheConfigurationSays(String type, String fields, String wanted) {
        assertThat(experts(program(type, fields.replace('\'', '"')))).hasToString(wanted);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "mixtral   | {'num_experts_per_tok': 9} | num_experts_per_tok",
                "mixtral   | {'num_local_experts': 0} | num_local_experts",
                "mixtral   | {'num_local_experts': 5000} | num_local_experts",
                "mixtral   | {'hidden_act': 'relu6'} | hidden_act",
                "qwen3_moe | {'decoder_sparse_step': 0} | decoder_sparse_step",
                "qwen3_moe | {'mlp_only_layers': ['1']} | mlp_only_layers",
                "qwen3_moe | {'mlp_only_layers': 1} | mlp_only_layers",
                "qwen3_moe | {'norm_topk_prob': 'yes'} | norm_topk_prob",
                "qwen2_moe | {'moe_intermediate_size': -1} | moe_intermediate_size",
                "qwen2_moe | {'shared_expert_intermediate_size': 0} | shared_expert",
                "olmoe     | {'clip_qkv': 8.0} | clip_qkv",
                "deepseek_v2 | {'topk_method': 'noaux_tc'} | topk_method",
                "deepseek_v2 | {'num_key_value_heads': 1} | num_key_value_heads",
                "deepseek_v2 | {'kv_lora_rank': 0} | kv_lora_rank",
                "deepseek_v3 | {'n_group': 7} | n_group",
                "deepseek_v3 | {'n_group': 8, 'topk_group': 9} | topk_group",
                "deepseek_v3 | {'n_group': 64, 'topk_group': 1, 'num_experts_per_tok': 8} | topk_group",
                "deepseek_v3 | {'first_k_dense_replace': -1} | first_k_dense_replace",
                "gpt_oss   | {'layer_types': ['full_attention']} | layer_types",
                "granitemoe | {'residual_multiplier': 0.5, 'attention_bias': true} | residual_multiplier"
            })
    void refusesAFieldByItsName(String type, String fields, String field) {
        assertThatThrownBy(() -> program(type, fields.replace('\'', '"')))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("field '" + field);
    }

    @Test
    void theSharesOfThoseChosenMayBeMadeToSumToOne() {
        assertThat(route(program("mixtral", "{}")).normed()).isTrue();
        assertThat(route(program("qwen3_moe", "{}")).normed()).isFalse();
        assertThat(route(program("olmoe", "{\"norm_topk_prob\": true}")).normed()).isTrue();
    }

    private static RouteSpec route(ModelProgram program) {
        return program.ops()
                .filter(MixtureOp.Route.class::isInstance)
                .map(op -> ((MixtureOp.Route) op).route())
                .findFirst()
                .orElseThrow();
    }

    @Test
    void namesTensorsAsPublishedCheckpointsDo() {
        assertThat(names("mixtral", "{}"))
                .contains(
                        "model.layers.3.block_sparse_moe.gate.weight [8, 8]",
                        "model.layers.3.block_sparse_moe.experts.7.w1.weight [12, 8]",
                        "model.layers.3.block_sparse_moe.experts.7.w2.weight [8, 12]",
                        "model.layers.3.block_sparse_moe.experts.7.w3.weight [12, 8]");
        assertThat(names("qwen2_moe", "{\"mlp_only_layers\": [2]}"))
                .contains(
                        "model.layers.0.mlp.shared_expert_gate.weight [1, 8]",
                        "model.layers.0.mlp.shared_expert.down_proj.weight [8, 5]",
                        "model.layers.0.mlp.experts.59.gate_proj.weight [6, 8]",
                        "model.layers.2.mlp.gate_proj.weight [12, 8]");
    }

    /** As transformers holds them, and writes them where it is told to. */
    @ParameterizedTest
    @CsvSource({"mixtral, 3", "qwen3_moe, 3", "granitemoe, 3", "gpt_oss, 6"})
    void takesEachExpertOfAJoinedTensorAsItsOwn(String type, int tensors, @TempDir Path temp)
            throws IOException {
        Path drawn = temp.resolve("drawn");
        ModelConfig config =
                config(type, "{\"num_local_experts\": 3, \"num_experts\": 3, \"head_dim\": 4}");
        SyntheticModel.write(config, DType.F32, 7, drawn, bytes -> {});
        Path model = type.equals("mixtral") || type.equals("qwen3_moe") ? join(drawn, temp) : drawn;
        Path again = temp.resolve("again");
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            assertThat(checkpoint.layout().experts()).allMatch(experts -> experts.size() == 3);
            assertThat(checkpoint.tensors().keySet()).anyMatch(name -> name.endsWith("[2]"));
            try (CheckpointWriter writer =
                    CheckpointWriter.create(checkpoint, checkpoint.layout(), again)) {
                writer.writeAll(checkpoint::readTensor);
                writer.commit();
            }
        }
        // The names and the bytes of the base, each tensor whole.
        assertThat(again.resolve("model.safetensors"))
                .hasSameBinaryContentAs(model.resolve("model.safetensors"));
        try (SafetensorsFile file = SafetensorsFile.open(model.resolve("model.safetensors"))) {
            assertThat(
                            file.tensors().keySet().stream()
                                    .filter(name ->
                                            name.replace("block_sparse_moe", "mlp")
                                                    .startsWith(LAYER)))
                    .hasSize(tensors);
        }
        Path fewer = temp.resolve("fewer");
        Files.createDirectory(fewer);
        Files.copy(model.resolve("model.safetensors"), fewer.resolve("model.safetensors"));
        Files.writeString(
                fewer.resolve("config.json"),
                Files.readString(model.resolve("config.json"))
                        .replaceAll("(experts\"\\s*:\\s*)3", "$12"));
        assertThatThrownBy(() -> Checkpoint.open(fewer))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("where config.json asks for")
                .hasMessageContaining("2");
    }

    /** The same weights as save_pretrained writes them where it is told to keep them so. */
    private static Path join(Path drawn, Path temp) throws IOException {
        Path joined = Files.createDirectory(temp.resolve("joined"));
        Files.copy(drawn.resolve("config.json"), joined.resolve("config.json"));
        try (SafetensorsFile stored = SafetensorsFile.open(drawn.resolve("model.safetensors"))) {
            Map<String, float[]> values = new TreeMap<>();
            Map<String, List<Long>> shapes = new TreeMap<>();
            stored.tensors()
                    .forEach((name, info) -> {
                        String own = name.replace("block_sparse_moe", "mlp");
                        int experts = own.indexOf("experts.");
                        if (experts < 0) {
                            values.put(own, stored.readFloats(name));
                            shapes.put(own, info.shape());
                            return;
                        }
                        boolean down = own.endsWith("down_proj.weight") || own.contains(".w2.");
                        String whole =
                                own.substring(0, experts)
                                        + (down ? "experts.down_proj" : "experts.gate_up_proj");
                        long rows = info.shape().getFirst() * (down ? 1 : 2);
                        shapes.put(whole, List.of(3L, rows, info.shape().getLast()));
                        values.putIfAbsent(
                                whole, new float[(int) (3 * rows * info.shape().getLast())]);
                        int expert = own.charAt(experts + "experts.".length()) - '0';
                        boolean second = own.endsWith("up_proj.weight") || own.contains(".w3.");
                        float[] part = stored.readFloats(name);
                        int at = (down ? expert : 2 * expert + (second ? 1 : 0)) * part.length;
                        System.arraycopy(part, 0, values.get(whole), at, part.length);
                    });
            List<SafetensorsWriter.Entry> entries = new ArrayList<>();
            shapes.forEach((name, shape) ->
                    entries.add(new SafetensorsWriter.Entry(name, DType.F32, shape)));
            try (SafetensorsWriter writer =
                    SafetensorsWriter.create(
                            joined.resolve("model.safetensors"),
                            SafetensorsWriter.PT_METADATA,
                            entries)) {
                values.forEach(writer::write);
                writer.commit();
            }
        }
        return joined;
    }

    private static List<String> names(String type, String fields) {
        return ProgramTensors.of(program(type, fields))
                .all()
                .map((TensorSpec tensor) -> tensor.name() + " " + tensor.shape())
                .toList();
    }

    /** Groups by their best, or by their two best; then experts of these alone. */
    @Test
    void choosesAmongTheExpertsOfTheGroupsItChose() {
        double[] scores = {2, 0, 0, 0, 1.9, 1.8};
        double[] one = scores.clone();
        double[] two = scores.clone();
        grouped(1, false).weigh(one);
        grouped(2, false).weigh(two);
        assertThat(one[0] * one[1]).isPositive();
        assertThat(one[4] + one[5]).isZero();
        assertThat(two[4] * two[5]).isPositive();
        assertThat(two[0]).isZero();
    }

    @Test
    void correctionsDecideWhoIsChosenAndCountForNothingElse() {
        double[] scores = {0, 0, 0, 0, 0, 0};
        double[] corrections = {0, 0, 0, 0, 0.3, 0.2};
        grouped(2, true).weigh(scores, corrections);
        assertThat(scores[4]).isCloseTo(0.5, within(1e-15));
        assertThat(scores[5]).isCloseTo(0.5, within(1e-15));
        assertThat(scores[0] + scores[1] + scores[2] + scores[3]).isZero();
    }

    /** Three groups of two experts, of which a token takes one. */
    private static RouteSpec grouped(int best, boolean normed) {
        return new RouteSpec(
                6,
                2,
                RouteSpec.Shares.SIGMOID,
                normed,
                1,
                Optional.of(new RouteSpec.Groups(3, 1, best)),
                Optional.empty());
    }

    @Test
    void ofScoresAlikeTheFirstIsChosen() {
        double[] scores = {1, 3, 3, 3, 2};
        new RouteSpec(5, 2, true, 1).weigh(scores);
        assertThat(scores).containsExactly(0, 0.5, 0.5, 0, 0);
    }

    @Test
    void weightsAreSharesOfAllOrOfThoseChosen() {
        double[] all = {Math.log(4), Math.log(1), Math.log(3), Math.log(2)};
        double[] chosen = all.clone();
        new RouteSpec(4, 2, false, 2).weigh(all);
        new RouteSpec(4, 2, true, 1).weigh(chosen);
        assertThat(all[0]).isCloseTo(0.8, within(1e-15));
        assertThat(all[2]).isCloseTo(0.6, within(1e-15));
        assertThat(chosen[0]).isCloseTo(4 / 7.0, within(1e-15));
        assertThat(chosen[2]).isCloseTo(3 / 7.0, within(1e-15));
        assertThat(all[1] + all[3] + chosen[1] + chosen[3]).isZero();
    }

    @Test
    void whatIsNoNumberIsNotPassedOver() {
        double[] scores = {1, Double.NaN, 3};
        new RouteSpec(3, 1, true, 1).weigh(scores);
        assertThat(scores).contains(Double.NaN);
    }
}
