package io.millrace.model.architecture.mixture;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.architecture.llama.LlamaBuilder;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.GatedUnit;
import java.util.Set;

/** DeepSeek V3 and R1 (arXiv 2412.19437): V2 whose tokens choose by σ, with corrections. */
public final class DeepseekV3Architecture extends ListedArchitecture {
    /** The family. */
    public DeepseekV3Architecture() {
        super(
                LlamaBuilder.FIELDS
                        .without("head_dim")
                        .and(LatentAttentions.FIELDS)
                        .honours("vocab_size", 129280, "hidden_size", 7168)
                        .honours("intermediate_size", 18432, "num_hidden_layers", 61)
                        .honours("num_attention_heads", 128, "num_key_value_heads", 128)
                        .honours("max_position_embeddings", 4096, "rope_interleave", true)
                        .honours("first_k_dense_replace", 3, "moe_intermediate_size", 2048)
                        .honours("n_routed_experts", 256, "n_shared_experts", 1)
                        .honours("num_experts_per_tok", 8, "norm_topk_prob", true)
                        .honours("n_group", 8, "topk_group", 4)
                        .honours("routed_scaling_factor", 2.5)
                        .alias("num_local_experts", "n_routed_experts")
                        .alias("num_nextn_predict_layers", "num_mtp_layers")
                        .idle("num_mtp_layers", "pretraining_tp"));
    }

    @Override
    public String modelType() {
        return "deepseek_v3";
    }

    @Override
    public String models() {
        return "DeepSeek V3 and R1, without the layers that predict further";
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
        boolean neighbours = config.bool("rope_interleave", true);
        LatentAttentions attentions = new LatentAttentions(config, neighbours);
        return DeepseekLayers.build(config, names, attentions, mixture, false);
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
