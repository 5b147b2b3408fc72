package io.millrace.model.architecture.mixture;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.architecture.llama.LlamaBuilder;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.GatedUnit;
import java.util.Set;

/** OLMoE (arXiv 2409.02060): a mixture of experts in every layer, norms over all query heads. */
public final class OlmoeArchitecture extends ListedArchitecture {
    /** The family. */
    public OlmoeArchitecture() {
        super(
                LlamaBuilder.FIELDS
                        .honours("vocab_size", 50304, "hidden_size", 2048)
                        .honours("intermediate_size", 2048, "num_hidden_layers", 16)
                        .honours("num_attention_heads", 16, "rms_norm_eps", 1e-5)
                        .honours("max_position_embeddings", 4096, "attention_bias", false)
                        .honours("num_experts", 64, "num_experts_per_tok", 8)
                        .honours("norm_topk_prob", false)
                        .only("clip_qkv", null)
                        .alias("num_local_experts", "num_experts")
                        .idle("output_router_logits", "router_aux_loss_coef"));
    }

    @Override
    public String modelType() {
        return "olmoe";
    }

    @Override
    public String models() {
        return "OLMoE";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        boolean bias = config.bool("attention_bias", false);
        boolean normed = config.bool("norm_topk_prob", false);
        int experts = Mixture.experts(config, "num_experts");
        Activation activation = Parts.activation(config, "hidden_act", "silu");
        Mixture mixture =
                new Mixture(
                        config,
                        names,
                        config.positive("hidden_size"),
                        config.positive("intermediate_size"),
                        Mixture.route(config, experts, normed),
                        GatedUnit.of(activation));
        return new LlamaBuilder(config, names)
                .attentionBias(bias, bias)
                .wideHeadNorms()
                .feedForward((prefix, layer) -> mixture.of(prefix + "mlp.", Mixture.Names.LLAMA))
                .build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
