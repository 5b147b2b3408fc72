package io.millrace.model.architecture.mixture;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.architecture.llama.LlamaBuilder;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.config.RopeParameters;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.GatedUnit;
import io.millrace.model.spec.Slices;
import io.millrace.telemetry.json.JsonObject;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntPredicate;

/**
 * gpt-oss (arXiv 2508.10925): a mixture in every layer with biases everywhere and gates that are
 * held within a limit, attention with a sink for each head, and a window in every other layer.
 */
public final class GptOssArchitecture extends ListedArchitecture {
    private static final double ROPE_THETA = 150_000;
    private static final float LIMIT = 7;
    private static final String ROPE = "rope_parameters";

    /** Gates and what they gate in turn, matrices stored input-major. */
    private static final Mixture.Joined TENSORS =
            new Mixture.Joined("experts.gate_up_proj", "experts.down_proj", true, true);

    /** The same where they are packed, a matrix an expert: these lie output-major. */
    private static final Mixture.Joined PACKED =
            new Mixture.Joined("experts.gate_up_proj", "experts.down_proj", true, false);

    /** What its class has where a configuration names no angles. */
    private static final Map<String, Object> USUAL_ROPE =
            Map.of(
                    "rope_type",
                    "yarn",
                    "factor",
                    32.0,
                    "beta_fast",
                    32.0,
                    "beta_slow",
                    1.0,
                    "truncate",
                    false,
                    "original_max_position_embeddings",
                    4096L);

    /** The family. */
    public GptOssArchitecture() {
        super(
                LlamaBuilder.FIELDS
                        .without("hidden_act")
                        .honours("vocab_size", 201088, "hidden_size", 2880)
                        .honours("intermediate_size", 2880, "num_hidden_layers", 36)
                        .honours("num_attention_heads", 64, "num_key_value_heads", 8)
                        .honours("head_dim", 64, "max_position_embeddings", 131072)
                        .honours("rms_norm_eps", 1e-5, "attention_bias", true)
                        .honours("sliding_window", 128, "layer_types", null)
                        .honours("num_local_experts", 128, "num_experts_per_tok", 4)
                        .alias("num_experts", "num_local_experts")
                        .idle("hidden_act", "output_router_logits", "router_aux_loss_coef"));
    }

    @Override
    public String modelType() {
        return "gpt_oss";
    }

    @Override
    public String models() {
        return "gpt-oss (20b, 120b), in MXFP4 as published or plain";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        boolean bias = config.bool("attention_bias", true);
        int experts = Mixture.experts(config, "num_local_experts");
        Mixture mixture =
                new Mixture(
                        config,
                        names,
                        config.positive("hidden_size"),
                        config.positive("intermediate_size"),
                        Mixture.route(config, experts, true),
                        new GatedUnit(Activation.GELU_SIGMOID, true, LIMIT));
        IntPredicate slides = slides(config);
        int window = config.positive("sliding_window", 0);
        return new LlamaBuilder(config, names)
                .attentionBias(bias, bias)
                .sinks()
                .activation(Activation.GELU_SIGMOID) // its class reads none
                .rope(rope(config), layer -> true)
                .window(layer -> slides.test(layer) ? window : 0)
                .feedForward((prefix, layer) ->
                        mixture.joined(
                                mixture.router(prefix + "mlp.router", true),
                                prefix + "mlp.",
                                tensors(names, prefix + "mlp."),
                                null,
                                null))
                .build();
    }

    private static Mixture.Joined tensors(Set<String> names, String prefix) {
        return names.contains(Slices.name(prefix + PACKED.both(), 0)) ? PACKED : TENSORS;
    }

    private static IntPredicate slides(ModelConfig config) {
        int layers = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
        Optional<List<String>> types = config.layerTypes(layers);
        return layer ->
                types.map(list -> list.get(layer).equals(LlamaBuilder.SLIDING))
                        .orElse(layer % 2 == 0);
    }

    private static RopeParameters rope(ModelConfig config) {
        if (config.has(ROPE) || config.has("rope_scaling")) {
            return config.rope(ROPE_THETA);
        }
        Map<String, Object> fields = new LinkedHashMap<>(config.json().fields());
        fields.put(ROPE, USUAL_ROPE);
        return ModelConfig.of(config.where(), new JsonObject(fields)).rope(ROPE_THETA);
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
