package io.millrace.model.architecture.mixture;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.FeedForward;
import io.millrace.model.architecture.decoder.MlpSpec;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.architecture.llama.LlamaBuilder;
import io.millrace.model.architecture.llama.QwenWindow;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.GatedUnit;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.function.IntUnaryOperator;

/** Qwen 1.5 and 2 with a mixture of experts, and one expert for every token behind a gate. */
public final class Qwen2MoeArchitecture extends ListedArchitecture {
    /** The family. */
    public Qwen2MoeArchitecture() {
        super(
                LlamaBuilder.FIELDS
                        .honours("vocab_size", 151936, "hidden_size", 2048)
                        .honours("intermediate_size", 5632, "num_hidden_layers", 24)
                        .honours("num_attention_heads", 16, "num_key_value_heads", 16)
                        .honours("max_position_embeddings", 32768, "qkv_bias", true)
                        .honours("use_sliding_window", false, "sliding_window", 4096)
                        .honours("max_window_layers", 28, "layer_types", null)
                        .honours("decoder_sparse_step", 1, "mlp_only_layers", null)
                        .honours("moe_intermediate_size", 1408, "num_experts", 60)
                        .honours("num_experts_per_tok", 4, "norm_topk_prob", false)
                        .honours("shared_expert_intermediate_size", 5632)
                        .idle("output_router_logits", "router_aux_loss_coef"));
    }

    @Override
    public String modelType() {
        return "qwen2_moe";
    }

    @Override
    public String models() {
        return "Qwen 1.5 and 2 with experts (a2.7b, 57b-a14b)";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        int experts = Mixture.experts(config, "num_experts");
        boolean normed = config.bool("norm_topk_prob", false);
        Activation activation = Parts.activation(config, "hidden_act", "silu");
        IntPredicate mixed = Mixture.layers(config);
        Mixture mixture =
                new Mixture(
                        config,
                        names,
                        config.positive("hidden_size"),
                        config.positive("moe_intermediate_size"),
                        Mixture.route(config, experts, normed),
                        GatedUnit.of(activation));
        LlamaBuilder builder = new LlamaBuilder(config, names);
        return builder.attentionBias(config.bool("qkv_bias", true), false)
                .window(window(config))
                .feedForward((prefix, layer) ->
                        mixed.test(layer)
                                ? mixed(mixture, prefix + "mlp.")
                                : builder.mlp(prefix + "mlp."))
                .build();
    }

    private static FeedForward mixed(Mixture mixture, String prefix) {
        int hidden = mixture.hidden();
        int inner = mixture.config().positive("shared_expert_intermediate_size");
        String shared = prefix + "shared_expert.";
        return mixture.of(
                prefix,
                Mixture.Names.LLAMA,
                new MlpSpec(
                        Parts.linear(shared + "gate_proj", hidden, inner, false),
                        Parts.linear(shared + "up_proj", hidden, inner, false),
                        Parts.linear(shared + "down_proj", inner, hidden, false),
                        mixture.unit().activation()),
                Parts.linear(prefix + "shared_expert_gate", hidden, 1, false));
    }

    /** Where no list says so, every other layer slides, of those below a number. */
    private static IntUnaryOperator window(ModelConfig config) {
        int layers = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
        Optional<List<String>> types = config.layerTypes(layers);
        if (!config.bool("use_sliding_window", false) || !config.has("sliding_window")) {
            QwenWindow.requireNoneSlides(config, types);
            return layer -> 0;
        }
        int window = config.positive("sliding_window");
        int below = QwenWindow.windowLayers(config);
        return layer ->
                types.map(list -> list.get(layer).equals("sliding_attention"))
                                .orElse(layer % 2 == 0 && layer < below)
                        ? window
                        : 0;
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
