package io.millrace.model.export;

import io.millrace.memory.BadInputException;
import io.millrace.model.config.ModelConfig;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** The families that are written, by Hugging Face's names. A new one is a line here. */
final class GgufFamilies {
    /** ggml has the one by tanh for each of them. */
    static final String[] GELUS = {
        "gelu_pytorch_tanh", "gelu_new", "gelu_fast", "gelu_python_tanh", "gelu"
    };

    private static final String SILU = "silu";
    private static final int LAYERS_OF_27B = 46;

    private static final GgufFamily LLAMA =
            LlamaKin.of("llama", (_, keys) -> keys.activation("hidden_act", SILU, "swish"))
                    .turningNeighbours();

    private static final Map<String, GgufFamily> FAMILIES =
            Map.ofEntries(
                    Map.entry("llama", LLAMA),
                    Map.entry(
                            "mistral",
                            LlamaKin.of(
                                            "llama",
                                            (_, keys) ->
                                                    keys.activation("hidden_act", SILU)
                                                            .withoutWindow())
                                    .turningNeighbours()),
                    Map.entry("qwen2", LlamaKin.of("qwen2", GgufFamilies::qwen)),
                    Map.entry("qwen3", LlamaKin.of("qwen3", GgufFamilies::qwen)),
                    Map.entry(
                            "gemma",
                            LlamaKin.of("gemma", (_, keys) -> keys.activation("hidden_act", GELUS))
                                    .withNormsFromOne()),
                    Map.entry(
                            "gemma2",
                            LlamaKin.of("gemma2", GgufFamilies::gemma2)
                                    .withNormsFromOne()
                                    .withNames(
                                            "post_attention_layernorm", "post_attention_norm",
                                            "pre_feedforward_layernorm", "ffn_norm",
                                            "post_feedforward_layernorm", "post_ffw_norm")),
                    Map.entry(
                            "olmo2",
                            LlamaKin.of("olmo2", (_, keys) -> keys.activation("hidden_act", SILU))
                                    .withNames(
                                            "post_attention_layernorm", "post_attention_norm",
                                            "post_feedforward_layernorm", "post_ffw_norm")),
                    Map.entry(
                            "granite",
                            LlamaKin.of("granite", GgufFamilies::granite).turningNeighbours()),
                    Map.entry("gpt2", new Gpt2Family()),
                    Map.entry("gpt_neox", new GptNeoxFamily()),
                    Map.entry("starcoder2", new Starcoder2Family()));

    /** Families that ggml's list lacks: nothing that reads the file would know them. */
    private static final Set<String> UNKNOWN_TO_GGML = Set.of("opt", "gpt_neo", "roberta");

    private GgufFamilies() {}

    /**
     * The family of a model.
     *
     * @throws BadInputException where it is none that is written
     */
    static GgufFamily of(ModelConfig config) {
        GgufFamily family = FAMILIES.get(config.modelType());
        if (family == null) {
            throw config.bad(
                    "model_type",
                    "is '"
                            + config.modelType()
                            + "', "
                            + (UNKNOWN_TO_GGML.contains(config.modelType())
                                    ? "of which ggml has no architecture"
                                    : "which is not written as GGUF"),
                    "export a model of " + String.join(", ", new TreeSet<>(FAMILIES.keySet())));
        }
        return family;
    }

    private static void qwen(ModelConfig config, GgufKeys keys) {
        keys.activation("hidden_act", SILU).withoutWindow();
    }

    private static void gemma2(ModelConfig config, GgufKeys keys) {
        keys.activation("hidden_activation", GELUS);
        int layers = config.positive("num_hidden_layers");
        int heads = config.positive("num_attention_heads");
        int scaledBy = config.positive("query_pre_attn_scalar");
        int ofGgml =
                layers == LAYERS_OF_27B
                        ? config.positive("hidden_size") / heads
                        : config.positive("head_dim");
        if (scaledBy != ofGgml) {
            throw config.bad(
                    "query_pre_attn_scalar",
                    "is " + scaledBy + ", and ggml's family scales by " + ofGgml,
                    "export a model of the published shapes");
        }
        config.layerTypes(layers)
                .ifPresent(types -> {
                    for (int layer = 0; layer < layers; layer++) {
                        if (types.get(layer).equals("sliding_attention") != (layer % 2 == 0)) {
                            throw config.bad(
                                    "layer_types",
                                    "do not take turns as those of ggml's family",
                                    "export a model whose even layers have the window");
                        }
                    }
                });
        keys.put("attention.sliding_window", config.positive("sliding_window"))
                .put("attn_logit_softcapping", cap(config, "attn_logit_softcapping"))
                .put("final_logit_softcapping", cap(config, "final_logit_softcapping"));
    }

    private static float cap(ModelConfig config, String field) {
        if (!config.has(field)) {
            throw config.bad(
                    field, "is none, and ggml's family always has one", "export a model with it");
        }
        return (float) config.positiveNumberOrNone(field);
    }

    private static void granite(ModelConfig config, GgufKeys keys) {
        keys.activation("hidden_act", SILU);
        Map<String, String> scales =
                new TreeMap<>(
                        Map.of(
                                "attention_multiplier", "attention.scale",
                                "embedding_multiplier", "embedding_scale",
                                "residual_multiplier", "residual_scale",
                                "logits_scaling", "logit_scale"));
        scales.forEach((field, key) -> keys.put(key, (float) config.positiveNumber(field, 1)));
    }
}
