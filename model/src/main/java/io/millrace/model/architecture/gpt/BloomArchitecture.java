package io.millrace.model.architecture.gpt;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.AttentionSpec;
import io.millrace.model.architecture.decoder.Ends;
import io.millrace.model.architecture.decoder.HeadSpec;
import io.millrace.model.architecture.decoder.LayerSpec;
import io.millrace.model.architecture.decoder.MlpSpec;
import io.millrace.model.architecture.decoder.Naming;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.architecture.decoder.Trunk;
import io.millrace.model.config.ConfigFields;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadsSpec;
import java.util.List;
import java.util.Set;

/**
 * BLOOM: no positions but a score that falls with distance (ALiBi), and a norm on what is looked
 * up.
 */
public final class BloomArchitecture extends ListedArchitecture {
    /** The length that it was trained with; its arithmetic has no limit. */
    private static final int POSITIONS = 2048;

    /** The family. */
    public BloomArchitecture() {
        super(
                ConfigFields.of("vocab_size", 250880, "hidden_size", 64, "n_layer", 2)
                        .honours("n_head", 8, "layer_norm_epsilon", 1e-5)
                        .only("apply_residual_connection_post_layernorm", false)
                        .only("slow_but_exact", false)
                        .idle("hidden_dropout", "attention_dropout", "pretraining_tp")
                        .alias("n_embed", "hidden_size")
                        .alias("num_hidden_layers", "n_layer")
                        .alias("num_attention_heads", "n_head"));
    }

    @Override
    public String modelType() {
        return "bloom";
    }

    @Override
    public String models() {
        return "BLOOM";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        String prefix = Naming.prefix(names, "ln_f.weight", "transformer.", "");
        Trunk trunk =
                Trunk.of(
                        config,
                        "hidden_size",
                        "n_layer",
                        config.positive("seq_length", POSITIONS),
                        prefix,
                        Ends.of(config, names, prefix + "word_embeddings.weight", LM_HEAD, true));
        int hidden = trunk.hidden();
        return trunk.program(
                trunk.tokens()
                        .normed(
                                Parts.layerNorm(
                                        prefix + "word_embeddings_layernorm",
                                        hidden,
                                        epsilon(config))),
                HeadSpec.of(
                        Parts.layerNorm(prefix + "ln_f", hidden, epsilon(config)), trunk.logits()),
                "h.",
                (at, index) -> layer(config, at, hidden));
    }

    private static LayerSpec layer(ModelConfig config, String prefix, int hidden) {
        int heads = config.positive("n_head");
        int headDim = Parts.headDim(config, "hidden_size", hidden, heads);
        int inner = config.product("hidden_size and 4", hidden, 4);
        String attention = prefix + "self_attention.";
        return LayerSpec.plain(
                LayerSpec.Order.PRE,
                Parts.layerNorm(prefix + "input_layernorm", hidden, epsilon(config)),
                AttentionSpec.plain(
                        List.of(
                                Parts.linear(
                                        attention + "query_key_value", hidden, 3 * hidden, true)),
                        AttendSpec.causal(HeadsSpec.interleaved(heads, headDim))
                                .withSlopes(Alibi.slopes(heads)),
                        null,
                        Parts.linear(attention + "dense", hidden, hidden, true)),
                Parts.layerNorm(prefix + "post_attention_layernorm", hidden, epsilon(config)),
                new MlpSpec(
                        null,
                        Parts.linear(prefix + "mlp.dense_h_to_4h", hidden, inner, true),
                        Parts.linear(prefix + "mlp.dense_4h_to_h", inner, hidden, true),
                        Activation.GELU_TANH));
    }

    private static double epsilon(ModelConfig config) {
        return config.positiveNumber("layer_norm_epsilon", 1e-5);
    }

    @Override
    public boolean isBuffer(String name) {
        return false;
    }
}
