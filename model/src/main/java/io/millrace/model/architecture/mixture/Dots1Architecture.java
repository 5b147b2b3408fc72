package io.millrace.model.architecture.mixture;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.architecture.llama.LlamaBuilder;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.GatedUnit;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntUnaryOperator;

/** dots.llm1 (arXiv 2506.05767): Qwen 3's attention and DeepSeek V3's mixtures. */
public final class Dots1Architecture extends ListedArchitecture {
    /** The family. */
    public Dots1Architecture() {
        super(
                LlamaBuilder.FIELDS
                        .honours("vocab_size", 152064, "hidden_size", 4608)
                        .honours("intermediate_size", 10944, "num_hidden_layers", 62)
                        .honours("num_key_value_heads", 32, "attention_bias", false)
                        .honours("moe_intermediate_size", 1408, "num_experts_per_tok", null)
                        .honours("n_routed_experts", null, "n_shared_experts", null)
                        .honours("n_group", 1, "topk_group", 1)
                        .honours("first_k_dense_replace", 0, "norm_topk_prob", false)
                        .honours("routed_scaling_factor", 1.0, "sliding_window", 4096)
                        .honours("max_window_layers", 62, "layer_types", null)
                        .alias("num_local_experts", "n_routed_experts"));
    }

    @Override
    public String modelType() {
        return "dots1";
    }

    @Override
    public String models() {
        return "dots.llm1";
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
        boolean bias = config.bool("attention_bias", false);
        LlamaBuilder builder = new LlamaBuilder(config, names);
        return builder.attentionBias(bias, bias)
                .headNorms()
                .window(window(config))
                .feedForward(DeepseekLayers.feedForwards(config, mixture, false, builder::mlp))
                .build();
    }

    /** Where no list says so, the layers from a number on slide. */
    private static IntUnaryOperator window(ModelConfig config) {
        int layers = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
        Optional<List<String>> types = config.layerTypes(layers);
        int window = config.positive("sliding_window", 0);
        int first = config.zeroOrMore("max_window_layers");
        return layer ->
                types.map(list -> list.get(layer).equals(LlamaBuilder.SLIDING))
                                .orElse(layer >= first)
                        ? window
                        : 0;
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
