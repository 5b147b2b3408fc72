package io.millrace.model.architecture.mixture;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.architecture.llama.LlamaBuilder;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.GatedUnit;
import java.util.Set;

/** GLM-4.5 and 4.6: LLaMA's attention, of which half a head turns, and DeepSeek V3's mixtures. */
public final class Glm4MoeArchitecture extends ListedArchitecture {
    private static final double ROPE_THETA = 10_000;
    private static final double TURNED = 0.5;

    /** The family. */
    public Glm4MoeArchitecture() {
        super(
                LlamaBuilder.FIELDS
                        .honours("vocab_size", 151552, "intermediate_size", 10944)
                        .honours("num_hidden_layers", 46, "num_attention_heads", 96)
                        .honours("num_key_value_heads", 8, "max_position_embeddings", 131072)
                        .honours("rms_norm_eps", 1e-5, "attention_bias", false)
                        .honours("use_qk_norm", false, "first_k_dense_replace", 1)
                        .honours("moe_intermediate_size", 1408, "num_experts_per_tok", 8)
                        .honours("n_routed_experts", 128, "n_shared_experts", 1)
                        .honours("routed_scaling_factor", 1.0, "norm_topk_prob", true)
                        .honours("n_group", 1, "topk_group", 1)
                        .alias("num_local_experts", "n_routed_experts")
                        .alias("num_nextn_predict_layers", "num_mtp_layers")
                        .idle("num_mtp_layers"));
    }

    @Override
    public String modelType() {
        return "glm4_moe";
    }

    @Override
    public String models() {
        return "GLM-4.5 and 4.6, without the layers that predict further";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        Mixture mixture =
                new Mixture(
                        config,
                        names,
                        config.positive("hidden_size"),
                        config.positive("moe_intermediate_size"),
                        DeepseekLayers.sigmoidRoute(config),
                        GatedUnit.of(Parts.activation(config, "hidden_act", "silu")));
        LlamaBuilder builder = new LlamaBuilder(config, names);
        if (config.bool("use_qk_norm", false)) {
            builder.headNorms();
        }
        return builder.attentionBias(config.bool("attention_bias", false), false)
                .rope(config.rope(ROPE_THETA, TURNED), layer -> true)
                .feedForward(DeepseekLayers.feedForwards(config, mixture, false, builder::mlp))
                .build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
