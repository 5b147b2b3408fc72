package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.Activation;
import java.util.Set;

/** Mixtral (arXiv 2401.04088): Mistral with a mixture of experts in every layer. */
public final class MixtralArchitecture implements Architecture {
    private static final int USUAL_EXPERTS = 8;
    private static final int USUAL_CHOSEN = 2;

    @Override
    public String modelType() {
        return "mixtral";
    }

    @Override
    public String models() {
        return "Mixtral, its experts one by one";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        int window = config.positive("sliding_window", 0);
        int experts = Mixture.experts(config, "num_local_experts", "num_experts", USUAL_EXPERTS);
        Activation activation = Parts.activation(config, "hidden_act", "silu");
        Mixture mixture =
                new Mixture(
                        config,
                        config.positive("hidden_size"),
                        config.positive("intermediate_size"),
                        Mixture.route(config, experts, USUAL_CHOSEN, true));
        return new LlamaBuilder(config, names)
                .kvHeadsByDefault(8)
                .normEpsilonByDefault(1e-5)
                .positions(config.positive("max_position_embeddings", 1 << 17))
                .rope(config.rope(1_000_000), layer -> true)
                .window(layer -> window)
                .feedForward((prefix, layer) ->
                        mixture.of(prefix + "block_sparse_moe.", Mixture.Names.MIXTRAL, activation))
                .build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
