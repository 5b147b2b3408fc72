package io.millrace.model.architecture.mixture;

import io.millrace.model.architecture.decoder.FeedForward;
import io.millrace.model.architecture.decoder.MlpSpec;
import io.millrace.model.architecture.llama.LlamaBuilder;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.RouteSpec;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/** The layers of DeepSeek's models: dense ones first, then mixtures beside shared experts. */
final class DeepseekLayers {
    private DeepseekLayers() {}

    /**
     * A model with attention over a latent vector.
     *
     * @param biased whether dense layers and shared experts have biases
     */
    static ModelProgram build(
            ModelConfig config,
            Set<String> names,
            LatentAttentions attentions,
            Mixture mixture,
            boolean biased) {
        LlamaBuilder builder = new LlamaBuilder(config, names);
        return builder.attention((prefix, layer) -> attentions.of(prefix + "self_attn."))
                .mlpBias(biased)
                .feedForward(feedForwards(config, mixture, biased, builder::mlp))
                .build();
    }

    /**
     * The feed-forward parts.
     *
     * @param biased whether shared experts have biases
     * @param dense one for all tokens, by its prefix
     */
    static LlamaBuilder.FeedForwards feedForwards(
            ModelConfig config, Mixture mixture, boolean biased, Function<String, MlpSpec> dense) {
        int first = config.zeroOrMore("first_k_dense_replace");
        int shared = config.positive("n_shared_experts");
        return (prefix, layer) ->
                layer < first
                        ? dense.apply(prefix + "mlp.")
                        : mixed(mixture, prefix + "mlp.", shared, biased);
    }

    private static FeedForward mixed(Mixture mixture, String prefix, int shared, boolean biased) {
        RouteSpec route = mixture.route();
        Optional<String> correction = route.correction().map(name -> prefix + name);
        Mixture own =
                new Mixture(
                        mixture.config(),
                        mixture.names(),
                        mixture.hidden(),
                        mixture.inner(),
                        route.corrected(correction),
                        mixture.unit());
        return own.of(
                prefix,
                Mixture.Names.LLAMA,
                own.shared(prefix + "shared_experts.", shared, biased),
                null);
    }

    /** How V3 routes: by σ, with a correction of what is compared, among groups. */
    static RouteSpec sigmoidRoute(ModelConfig config) {
        int experts = Mixture.experts(config, "n_routed_experts");
        return new RouteSpec(
                experts,
                Mixture.chosen(config, experts),
                RouteSpec.Shares.SIGMOID,
                config.bool("norm_topk_prob", true),
                (float) config.positiveNumber("routed_scaling_factor", 1),
                Mixture.groups(config, experts, 2),
                Optional.of("gate.e_score_correction_bias"));
    }
}
