package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.Activation;
import java.util.Set;
import java.util.function.IntPredicate;

/** Qwen 3 with a mixture of experts in some or all of its layers. */
public final class Qwen3MoeArchitecture implements Architecture {
    private static final int USUAL_EXPERTS = 128;
    private static final int USUAL_CHOSEN = 8;
    private static final int USUAL_INNER = 768;
    private static final int USUAL_WINDOW = 4096;

    @Override
    public String modelType() {
        return "qwen3_moe";
    }

    @Override
    public String models() {
        return "Qwen 3 with experts (30b-a3b, 235b-a22b)";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        boolean bias = config.bool("attention_bias", false);
        int experts = Mixture.experts(config, "num_experts", "num_local_experts", USUAL_EXPERTS);
        boolean normed = config.bool("norm_topk_prob", false);
        Activation activation = Parts.activation(config, "hidden_act", "silu");
        IntPredicate mixed = Mixture.layers(config);
        Mixture mixture =
                new Mixture(
                        config,
                        config.positive("hidden_size"),
                        config.positive("moe_intermediate_size", USUAL_INNER),
                        Mixture.route(config, experts, USUAL_CHOSEN, normed));
        int window = window(config);
        LlamaBuilder builder = new LlamaBuilder(config, names);
        return builder.kvHeadsByDefault(4)
                .attentionBias(bias, bias)
                .positions(config.positive("max_position_embeddings", 1 << 15))
                .headNorms()
                .window(layer -> window)
                .feedForward((prefix, layer) ->
                        mixed.test(layer)
                                ? mixture.of(prefix + "mlp.", Mixture.Names.LLAMA, activation)
                                : builder.mlp(prefix + "mlp."))
                .build();
    }

    /** All layers look back so far, or none does. */
    private static int window(ModelConfig config) {
        boolean nulled = config.mentions("sliding_window") && !config.has("sliding_window");
        return config.bool("use_sliding_window", false) && !nulled
                ? config.positive("sliding_window", USUAL_WINDOW)
                : 0;
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
