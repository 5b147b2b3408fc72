package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.Activation;
import java.util.Set;

/** OLMoE (arXiv 2409.02060): a mixture of experts in every layer, norms over all query heads. */
public final class OlmoeArchitecture extends ListedArchitecture {
    private static final int USUAL_EXPERTS = 64;
    private static final int USUAL_CHOSEN = 8;

    /** The family. */
    public OlmoeArchitecture() {
        super(
                LlamaBuilder.FIELDS
                        .honours(
                                "vocab_size", 50304, "hidden_size", 2048, "intermediate_size", 2048)
                        .honours("num_hidden_layers", 16, "num_attention_heads", 16)
                        .honours("max_position_embeddings", 4096, "rms_norm_eps", 1e-5)
                        .honours(
                                "attention_bias",
                                false,
                                "num_experts_per_tok",
                                8,
                                "num_experts",
                                64)
                        .honours("norm_topk_prob", false)
                        .alias("num_local_experts", "num_experts")
                        .only("clip_qkv", null)
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
        int experts = Mixture.experts(config, "num_experts", "num_local_experts", USUAL_EXPERTS);
        Activation activation = Parts.activation(config, "hidden_act", "silu");
        Mixture mixture =
                new Mixture(
                        config,
                        config.positive("hidden_size"),
                        config.positive("intermediate_size"),
                        Mixture.route(config, experts, USUAL_CHOSEN, normed));
        return new LlamaBuilder(config, names)
                .attentionBias(bias, bias)
                .wideHeadNorms()
                .feedForward((prefix, layer) ->
                        mixture.of(prefix + "mlp.", Mixture.Names.LLAMA, activation))
                .build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
