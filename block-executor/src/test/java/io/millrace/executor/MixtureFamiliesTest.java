package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.adapter.LoraKind;
import io.millrace.executor.config.GenerateConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.optim.Rounding;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Runs of families whose experts lie joined in one tensor, whose heads have sinks or share a latent
 * vector, and whose tokens choose by corrected scores among groups: the same bytes wherever blocks
 * lie, and however a run is cut.
 */
class MixtureFamiliesTest {
    private static final String GPT_OSS =
            """
            {"model_type": "gpt_oss", "head_dim": 16, "intermediate_size": 64,
             "num_local_experts": 12, "num_experts_per_tok": 2, "sliding_window": 5}\
            """;
    private static final String DEEPSEEK_V3 =
            """
            {"model_type": "deepseek_v3", "num_key_value_heads": 4, "q_lora_rank": 24,
             "kv_lora_rank": 16, "qk_nope_head_dim": 12, "qk_rope_head_dim": 8, "v_head_dim": 20,
             "first_k_dense_replace": 1, "moe_intermediate_size": 48, "n_routed_experts": 12,
             "num_experts_per_tok": 2, "n_group": 4, "topk_group": 2}\
            """;
    private static final String DEEPSEEK_V2 =
            """
            {"model_type": "deepseek_v2", "num_key_value_heads": 4, "q_lora_rank": null,
             "kv_lora_rank": 16, "qk_nope_head_dim": 12, "qk_rope_head_dim": 8, "v_head_dim": 8,
             "moe_intermediate_size": 48, "n_routed_experts": 12, "num_experts_per_tok": 2,
             "topk_method": "group_limited_greedy", "n_group": 4, "topk_group": 2}\
            """;
    private static final String GRANITE =
            """
            {"model_type": "granitemoe", "intermediate_size": 64, "num_local_experts": 12,
             "num_experts_per_tok": 2, "residual_multiplier": 0.3, "embedding_multiplier": 3.0}\
            """;
    private static final String GLM =
            """
            {"model_type": "glm4_moe", "moe_intermediate_size": 48, "n_routed_experts": 12,
             "num_experts_per_tok": 2, "use_qk_norm": true}\
            """;

    @TempDir Path temp;

    private static String fields(String family) {
        return switch (family) {
            case "gpt_oss" -> GPT_OSS;
            case "deepseek_v3" -> DEEPSEEK_V3;
            case "deepseek_v2" -> DEEPSEEK_V2;
            case "granitemoe" -> GRANITE;
            case "glm4_moe" -> GLM;
            default -> throw new IllegalArgumentException(family);
        };
    }

    private Path model(String family) {
        return model(family, 320);
    }

    private Path model(String family, long words) {
        Map<String, Object> all = new LinkedHashMap<>(Golden.json("qwen3/config.json").fields());
        all.put("hidden_size", 96L);
        all.put("vocab_size", words);
        all.put("tie_word_embeddings", false);
        all.putAll(Json.parseObject(fields(family)).fields());
        ModelConfig config = ModelConfig.of("config.json", new JsonObject(all));
        Path folder = temp.resolve("model");
        SyntheticModel.write(config, DType.BF16, 7, folder, bytes -> {});
        return folder;
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt_oss", "deepseek_v3"})
    void makesTheSameBytesEverywhere(String family) throws IOException {
        check(family, run -> run.rounding(Rounding.STOCHASTIC));
    }

    @Tag("long")
    @ParameterizedTest
    @CsvSource({
        "gpt_oss, zo-adam",
        "gpt_oss, low-rank",
        "gpt_oss, biases",
        "deepseek_v3, zo-adam",
        "deepseek_v3, low-rank",
        "deepseek_v2, zo-adam",
        "deepseek_v2, stochastic",
        "granitemoe, stochastic",
        "granitemoe, low-rank",
        "glm4_moe, stochastic"
    })
    void soDoMore(String family, String method) throws IOException {
        check(
                family,
                switch (method) {
                    case "zo-adam" -> run -> run.blocks("random").optimizer("zo-adam");
                    case "low-rank" ->
                            run -> run.perturbation("low-rank").window(3).optimizer("lozo-m");
                    case "biases" -> run -> run.tune("biases");
                    default -> run -> run.rounding(Rounding.STOCHASTIC);
                });
    }

    private void check(String family, MethodRuns.Method method) throws IOException {
        MethodRuns runs = new MethodRuns(temp, model(family), Runs.data(temp, 77, 10));
        runs.checkCut(method, runs.check(method));
    }

    /** A correction is no parameter: no method perturbs it, and it is saved as it was. */
    @Test
    void correctionsStayAsTheyAre() throws IOException {
        Path model = model("deepseek_v3");
        MethodRuns runs = new MethodRuns(temp, model, Runs.data(temp, 77, 10));
        Path tuned = runs.run("tuned", run -> run.lr(0.1).dtype(DType.F16), MemoryConfig.DEFAULT);
        String bias = "model.layers.1.mlp.gate.e_score_correction_bias";
        String router = "model.layers.1.mlp.gate.weight";
        try (SafetensorsFile before = SafetensorsFile.open(model.resolve("model.safetensors"));
                SafetensorsFile after = SafetensorsFile.open(tuned.resolve("model.safetensors"))) {
            assertThat(after.tensor(bias).format()).isEqualTo(DType.BF16);
            assertThat(after.tensor(router).format()).isEqualTo(DType.F16);
            assertThat(after.readFloats(bias)).isEqualTo(before.readFloats(bias));
            assertThat(Arrays.equals(after.readFloats(router), before.readFloats(router)))
                    .isFalse();
        }
        assertThatThrownBy(() ->
                        runs.run(
                                "none",
                                run -> run.tune("*e_score_correction_bias"),
                                MemoryConfig.DEFAULT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("matches no tensor");
    }

    /** Beside any matrix of attention over a latent vector, as beside those of other attention. */
    @ParameterizedTest
    @ValueSource(strings = {"q_a_proj/q_b_proj/kv_a_proj_with_mqa/kv_b_proj/o_proj", "kv_b_proj"})
    void aLoraStandsBesideLatentAttention(String targets) throws IOException {
        MethodRuns runs = new MethodRuns(temp, model("deepseek_v3"), Runs.data(temp, 77, 10));
        MethodRuns.Method method =
                run ->
                        run.tune("lora")
                                .method(LoraKind.TARGETS, List.of(targets.split("/")))
                                .steps(3);
        Path memory = runs.run("memory", method, MemoryConfig.DEFAULT);
        long least =
                Runs.smallestBudget(budget ->
                        runs.config("probe" + budget, method, Runs.host(DeviceName.CPU, budget)));
        Path streamed = runs.run("streamed", method, Runs.host(DeviceName.CPU, least));
        Runs.assertSame(streamed, Runs.result(memory), targets);
    }

    /** Of earlier tokens heads are kept as they were joined, and each token is routed by itself. */
    @ParameterizedTest
    @ValueSource(strings = {"gpt_oss", "deepseek_v3"})
    void goesOnAsAForwardOfTheWholeTextDoes(String family) throws IOException {
        Path model = model(family, 512);
        Path words = Golden.path("stories260k");
        for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.copy(words.resolve(file), model.resolve(file));
        }
        Generation.Result made =
                Generation.run(
                        new GenerateConfig(
                                model,
                                "Once upon a time",
                                Optional.empty(),
                                GenerateConfig.Writing.greedy(12),
                                MemoryConfig.DEFAULT,
                                Optional.empty()));
        long[] ids =
                IntStream.concat(IntStream.of(made.promptIds()), IntStream.of(made.newIds()))
                        .asLongStream()
                        .toArray();
        Path output = temp.resolve("out.safetensors");
        Path input = AdapterGenerationTest.input(temp, ids);
        ForwardPass.run(model, Optional.empty(), input, output, MemoryConfig.DEFAULT);
        try (SafetensorsFile file = SafetensorsFile.open(output)) {
            float[] logits = file.readFloats("logits");
            int width = logits.length / ids.length;
            for (int next = made.promptIds().length; next < ids.length; next++) {
                assertThat(AdapterGenerationTest.likeliest(logits, (next - 1) * width, width))
                        .isEqualTo((int) ids[next]);
            }
        }
    }
}
