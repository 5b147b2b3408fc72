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
import io.millrace.model.config.ModelConfig;
import io.millrace.model.config.RopeParameters;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RopeSpec;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Falcon: both parts on one norm or on two, and a key and value head for all query heads or for
 * groups of them.
 */
public final class FalconArchitecture extends ListedArchitecture {
    private static final Pattern BUFFER =
            Pattern.compile(".*(rotary_emb\\.inv_freq|self_attention\\.maybe_rotary\\.inv_freq)");

    /** The family. */
    public FalconArchitecture() {
        super(
                RopeParameters.FIELDS
                        .honours("vocab_size", 65024, "hidden_size", 4544)
                        .honours("num_hidden_layers", 32, "num_attention_heads", 71)
                        .honours("num_ln_in_parallel_attn", null, "layer_norm_epsilon", 1e-5)
                        .honours("num_kv_heads", null, "new_decoder_architecture", false)
                        .honours("multi_query", true, "parallel_attn", true, "bias", false)
                        .honours("max_position_embeddings", 2048, "ffn_hidden_size", null)
                        .honours("activation", "gelu")
                        .only("alibi", false)
                        .idle("hidden_dropout", "attention_dropout")
                        .alias("n_embed", "hidden_size"));
    }

    @Override
    public String modelType() {
        return "falcon";
    }

    @Override
    public String models() {
        return "Falcon 7b, 11b, 40b and 180b; not those with ALiBi";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        String prefix = Naming.prefix(names, "ln_f.weight", "transformer.", "");
        RopeParameters turning = config.rope(10000);
        Trunk trunk =
                Trunk.of(
                        config,
                        "hidden_size",
                        "num_hidden_layers",
                        config.positive("max_position_embeddings"),
                        prefix,
                        Ends.of(config, names, prefix + "word_embeddings.weight", LM_HEAD, true));
        int hidden = trunk.hidden();
        RopeSpec rope = Parts.rope(config, trunk, turning);
        return trunk.program(
                trunk.tokens(),
                HeadSpec.of(
                        Parts.layerNorm(prefix + "ln_f", hidden, epsilon(config)), trunk.logits()),
                "h.",
                (at, index) -> layer(config, at, hidden, rope));
    }

    private static LayerSpec layer(ModelConfig config, String prefix, int hidden, RopeSpec rope) {
        boolean bias = config.bool("bias", false);
        int inner =
                config.positive("ffn_hidden_size", config.product("hidden_size and 4", hidden, 4));
        String attention = prefix + "self_attention.";
        HeadsSpec columns = columns(config, hidden);
        int projected = columns.contextWidth() + 2 * columns.keys().count() * columns.dim();
        boolean grouped = config.bool("new_decoder_architecture", false);
        boolean parallel = grouped || config.bool("parallel_attn", false);
        boolean two = grouped && config.positive("num_ln_in_parallel_attn", 2) == 2;
        NormSpec first =
                Parts.layerNorm(
                        prefix + (two ? "ln_attn" : "input_layernorm"), hidden, epsilon(config));
        NormSpec second =
                parallel && !two
                        ? null
                        : Parts.layerNorm(
                                prefix + (two ? "ln_mlp" : "post_attention_layernorm"),
                                hidden,
                                epsilon(config));
        return LayerSpec.plain(
                parallel ? LayerSpec.Order.PARALLEL : LayerSpec.Order.PRE,
                first,
                AttentionSpec.plain(
                        List.of(
                                Parts.linear(
                                        attention + "query_key_value", hidden, projected, bias)),
                        AttendSpec.causal(columns),
                        rope,
                        Parts.linear(attention + "dense", hidden, hidden, bias)),
                second,
                new MlpSpec(
                        null,
                        Parts.linear(prefix + "mlp.dense_h_to_4h", hidden, inner, bias),
                        Parts.linear(prefix + "mlp.dense_4h_to_h", inner, hidden, bias),
                        Parts.activation(config, "activation", "gelu")));
    }

    private static HeadsSpec columns(ModelConfig config, int hidden) {
        int heads = config.positive("num_attention_heads");
        int headDim = hidden / heads;
        if (config.bool("new_decoder_architecture", false)) {
            int keys = config.positive("num_kv_heads", heads);
            if (heads % keys != 0) {
                throw config.bad(
                        "num_kv_heads", "is " + keys + ", no divisor of " + heads + " heads");
            }
            return HeadsSpec.grouped(heads, keys, headDim);
        }
        return config.bool("multi_query", false)
                ? HeadsSpec.inOrder(heads, 1, headDim)
                : HeadsSpec.interleaved(heads, headDim);
    }

    private static double epsilon(ModelConfig config) {
        return config.positiveNumber("layer_norm_epsilon", 1e-5);
    }

    @Override
    public boolean isBuffer(String name) {
        return BUFFER.matcher(name).matches();
    }
}
