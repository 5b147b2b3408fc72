package io.millrace.model.architecture.mixture;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.architecture.llama.LlamaBuilder;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.GatedUnit;
import java.util.Set;

/** Mixtral (arXiv 2401.04088): Mistral with a mixture of experts in every layer. */
public final class MixtralArchitecture extends ListedArchitecture {
    /** The family. */
    public MixtralArchitecture() {
        super(
                LlamaBuilder.FIELDS
                        .honours("vocab_size", 32000, "intermediate_size", 14336)
                        .honours("num_key_value_heads", 8, "rms_norm_eps", 1e-5)
                        .honours("max_position_embeddings", 131072, "sliding_window", null)
                        .honours("num_local_experts", 8, "num_experts_per_tok", 2)
                        .alias("num_experts", "num_local_experts")
                        .idle("output_router_logits", "router_aux_loss_coef")
                        .idle("router_jitter_noise"));
    }

    @Override
    public String modelType() {
        return "mixtral";
    }

    @Override
    public String models() {
        return "Mixtral, its experts one by one";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        int window = config.positive("sliding_window", 0);
        int experts = Mixture.experts(config, "num_local_experts");
        Activation activation = Parts.activation(config, "hidden_act", "silu");
        Mixture mixture =
                new Mixture(
                        config,
                        names,
                        config.positive("hidden_size"),
                        config.positive("intermediate_size"),
                        Mixture.route(config, experts, true),
                        GatedUnit.of(activation));
        // As transformers calls it where it writes what it holds in memory.
        boolean held = names.stream().anyMatch(name -> name.endsWith(".mlp.gate.weight"));
        String part = held ? "mlp." : "block_sparse_moe.";
        return new LlamaBuilder(config, names)
                .rope(config.rope(1_000_000), layer -> true)
                .window(layer -> window)
                .feedForward((prefix, layer) -> mixture.of(prefix + part, Mixture.Names.MIXTRAL))
                .build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
