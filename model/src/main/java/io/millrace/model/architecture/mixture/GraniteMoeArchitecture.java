package io.millrace.model.architecture.mixture;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.ExpertsSpec;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.architecture.llama.LlamaBuilder;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.GatedUnit;
import java.util.Set;

/** Granite with experts: Granite's factors, and a mixture in every layer. */
public final class GraniteMoeArchitecture extends ListedArchitecture {
    private static final Mixture.Joined PUBLISHED =
            new Mixture.Joined("input_linear.weight", "output_linear.weight", false, false);

    /** The family. */
    public GraniteMoeArchitecture() {
        super(
                LlamaBuilder.FIELDS
                        .honours("vocab_size", 32000, "attention_bias", false)
                        .honours("embedding_multiplier", 1.0, "logits_scaling", 1.0)
                        .honours("residual_multiplier", 1.0, "attention_multiplier", 1.0)
                        .honours("num_local_experts", 8, "num_experts_per_tok", 2)
                        .idle("output_router_logits", "router_aux_loss_coef"));
    }

    @Override
    public String modelType() {
        return "granitemoe";
    }

    @Override
    public String models() {
        return "Granite 3 with experts (1b-a400m, 3b-a800m)";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        double parts = config.positiveNumber("residual_multiplier", 1);
        boolean bias = config.bool("attention_bias", false);
        if (parts != 1 && bias) {
            throw config.bad(
                    "residual_multiplier",
                    "is " + parts + " where parts have biases, which is not supported",
                    "use a model with attention_bias false");
        }
        int experts = Mixture.experts(config, "num_local_experts");
        Mixture mixture =
                new Mixture(
                        config,
                        names,
                        config.positive("hidden_size"),
                        config.positive("intermediate_size"),
                        Mixture.route(config, experts, true),
                        GatedUnit.of(Parts.activation(config, "hidden_act", "silu")));
        return new LlamaBuilder(config, names)
                .attentionBias(bias, bias)
                .embeddingScale((float) config.positiveNumber("embedding_multiplier", 1))
                .attentionScale(config.positiveNumber("attention_multiplier", 1))
                .scales(parts, 1 / config.positiveNumber("logits_scaling", 1))
                .feedForward((prefix, layer) -> experts(mixture, prefix + "block_sparse_moe."))
                .build();
    }

    private static ExpertsSpec experts(Mixture mixture, String prefix) {
        boolean held = mixture.names().contains(prefix + Mixture.Joined.USUAL.both());
        return held
                ? mixture.joined(
                        mixture.router(prefix + "router", false),
                        prefix,
                        Mixture.Joined.USUAL,
                        null,
                        null)
                : mixture.joined(
                        mixture.router(prefix + "router.layer", false),
                        prefix,
                        PUBLISHED,
                        null,
                        null);
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
