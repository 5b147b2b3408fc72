package io.millrace.model.architecture.known;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.Checkpoint;
import io.millrace.model.ProgramTensors;
import io.millrace.model.SyntheticModel;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.RouteSpec;
import io.millrace.model.spec.TensorSpec;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Mixtures of experts as configurations ask for them, and how tokens choose. */
class MixturesTest {
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
                "olmoe     | {} | [64, 64, 64, 64]"
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
                "olmoe     | {'clip_qkv': 8.0} | clip_qkv"
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
    @Test
    void refusesExpertsInOneTensorWithTheMend(@TempDir Path temp) throws IOException {
        Path whole = temp.resolve("whole");
        ModelConfig config = config("mixtral", "{\"num_local_experts\": 2}");
        SyntheticModel.write(config, DType.F32, 7, whole, bytes -> {});
        Path joined = Files.createDirectory(temp.resolve("joined"));
        Files.copy(whole.resolve("config.json"), joined.resolve("config.json"));
        Path file = joined.resolve("model.safetensors");
        List<SafetensorsWriter.Entry> entries = new ArrayList<>();
        try (SafetensorsFile stored = SafetensorsFile.open(whole.resolve("model.safetensors"))) {
            stored.tensors()
                    .forEach((name, info) -> {
                        if (!name.contains("block_sparse_moe")) {
                            entries.add(new SafetensorsWriter.Entry(name, DType.F32, info.shape()));
                        }
                    });
            for (int layer = 0; layer < 4; layer++) {
                entries.add(
                        new SafetensorsWriter.Entry(
                                "model.layers." + layer + ".mlp.experts.gate_up_proj",
                                DType.F32,
                                List.of(2L, 24L, 8L)));
            }
            try (SafetensorsWriter writer =
                    SafetensorsWriter.create(file, SafetensorsWriter.PT_METADATA, entries)) {
                for (SafetensorsWriter.Entry entry : entries) {
                    int elements = Math.toIntExact(entry.sizeBytes() / Float.BYTES);
                    writer.write(entry.name(), new float[elements]);
                }
                writer.commit();
            }
        }
        assertThatThrownBy(() -> Checkpoint.open(joined))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("mlp.experts.gate_up_proj' has all experts")
                .hasMessageContaining("save_pretrained");
    }

    private static List<String> names(String type, String fields) {
        return ProgramTensors.of(program(type, fields))
                .all()
                .map((TensorSpec tensor) -> tensor.name() + " " + tensor.shape())
                .toList();
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
