package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.Activation;
import java.util.Set;

/** OLMoE (arXiv 2409.02060): a mixture of experts in every layer, norms over all query heads. */
public final class OlmoeArchitecture implements Architecture {
    private static final int USUAL_EXPERTS = 64;
    private static final int USUAL_CHOSEN = 8;

    @Override
    public String modelType() {
        return "olmoe";
    }

    @Override
    public String models() {
        return "OLMoE";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        if (config.has("clip_qkv")) {
            throw config.bad(
                    "clip_qkv",
                    "asks for queries, keys and values that are cut, which is not supported",
                    "use another model");
        }
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
                .normEpsilonByDefault(1e-5)
                .positions(config.positive("max_position_embeddings", 1 << 12))
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
