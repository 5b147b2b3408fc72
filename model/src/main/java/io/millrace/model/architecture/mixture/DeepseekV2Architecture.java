package io.millrace.model.architecture.mixture;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.architecture.llama.LlamaBuilder;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.GatedUnit;
import io.millrace.model.spec.RouteSpec;
import java.util.Optional;
import java.util.Set;

/**
 * DeepSeek V2 (arXiv 2405.04434): attention over a latent vector, dense layers first, then mixtures
 * beside an expert for every token; of a choice among groups if the configuration says so.
 */
public final class DeepseekV2Architecture extends ListedArchitecture {
    /** The family. */
    public DeepseekV2Architecture() {
        super(
                LlamaBuilder.FIELDS
                        .without("head_dim")
                        .and(LatentAttentions.FIELDS)
                        .honours("vocab_size", 102400, "intermediate_size", 11008)
                        .honours("mlp_bias", false, "first_k_dense_replace", 0)
                        .honours("n_routed_experts", 64, "n_shared_experts", 2)
                        .honours("num_experts_per_tok", null, "moe_intermediate_size", 1407)
                        .honours("n_group", null, "topk_group", null)
                        .honours("topk_method", "greedy", "routed_scaling_factor", 1.0)
                        .alias("num_experts", "n_routed_experts")
                        .idle("head_dim", "norm_topk_prob", "pretraining_tp"));
    }

    @Override
    public String modelType() {
        return "deepseek_v2";
    }

    @Override
    public String models() {
        return "DeepSeek V2 and V2-Lite";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        Mixture mixture =
                new Mixture(
                        config,
                        names,
                        config.positive("hidden_size"),
                        config.positive("moe_intermediate_size"),
                        route(config),
                        GatedUnit.of(Parts.activation(config, "hidden_act", "silu")));
        LatentAttentions attentions = new LatentAttentions(config, true);
        return DeepseekLayers.build(
                config, names, attentions, mixture, config.bool("mlp_bias", false));
    }

    private static RouteSpec route(ModelConfig config) {
        int experts = Mixture.experts(config, "n_routed_experts");
        String method = config.string("topk_method", "greedy");
        Optional<RouteSpec.Groups> groups =
                switch (method) {
                    case "greedy" -> Optional.empty();
                    case "group_limited_greedy" -> Mixture.groups(config, experts, 1);
                    default ->
                            throw config.bad(
                                    "topk_method",
                                    "is '" + method + "', which its class does not have",
                                    "use a model with greedy or group_limited_greedy");
                };
        return new RouteSpec(
                experts,
                Mixture.chosen(config, experts),
                RouteSpec.Shares.SOFTMAX,
                false,
                (float) config.positiveNumber("routed_scaling_factor", 1),
                groups,
                Optional.empty());
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
