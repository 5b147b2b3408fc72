package io.millrace.model.architecture.mixture;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.architecture.llama.LlamaBuilder;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.GatedUnit;
import java.util.Set;
import java.util.function.IntPredicate;

/** Qwen 3 with a mixture of experts in some or all of its layers. */
public final class Qwen3MoeArchitecture extends ListedArchitecture {
    /** The family. */
    public Qwen3MoeArchitecture() {
        super(
                LlamaBuilder.FIELDS
                        .honours("vocab_size", 151936, "hidden_size", 2048)
                        .honours("intermediate_size", 6144, "num_hidden_layers", 24)
                        .honours("num_key_value_heads", 4, "attention_bias", false)
                        .honours("max_position_embeddings", 32768)
                        .honours("use_sliding_window", false, "sliding_window", 4096)
                        .honours("decoder_sparse_step", 1, "mlp_only_layers", null)
                        .honours("moe_intermediate_size", 768, "num_experts", 128)
                        .honours("num_experts_per_tok", 8, "norm_topk_prob", false)
                        .alias("num_local_experts", "num_experts")
                        .idle("output_router_logits", "router_aux_loss_coef"));
    }

    @Override
    public String modelType() {
        return "qwen3_moe";
    }

    @Override
    public String models() {
        return "Qwen 3 with experts (30b-a3b, 235b-a22b)";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        boolean bias = config.bool("attention_bias", false);
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
        int window = window(config);
        LlamaBuilder builder = new LlamaBuilder(config, names);
        return builder.attentionBias(bias, bias)
                .headNorms()
                .window(layer -> window)
                .feedForward((prefix, layer) ->
                        mixed.test(layer)
                                ? mixture.of(prefix + "mlp.", Mixture.Names.LLAMA)
                                : builder.mlp(prefix + "mlp."))
                .build();
    }

    /** All layers look back so far, or none does. */
    private static int window(ModelConfig config) {
        return config.bool("use_sliding_window", false) ? config.positive("sliding_window", 0) : 0;
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
