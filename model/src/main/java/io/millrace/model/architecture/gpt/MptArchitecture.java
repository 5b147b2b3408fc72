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

/** MPT: no biases, and no positions but a score that falls with distance (ALiBi). */
public final class MptArchitecture extends ListedArchitecture {
    /** The family. */
    public MptArchitecture() {
        super(
                ConfigFields.of("vocab_size", 50368, "d_model", 2048, "n_heads", 16)
                        .honours("n_layers", 24, "max_seq_len", 2048)
                        .honours("layer_norm_epsilon", 1e-5, "attn_config", null)
                        .only("logit_scale", null, "no_bias", true)
                        .idle("expansion_ratio", "resid_pdrop", "emb_pdrop")
                        .idle("learned_pos_emb", "init_device", "embedding_fraction")
                        .idle("norm_type")
                        .alias("num_attention_heads", "n_heads")
                        .alias("hidden_size", "d_model")
                        .alias("num_hidden_layers", "n_layers"));
    }

    @Override
    public String modelType() {
        return "mpt";
    }

    @Override
    public String models() {
        return "MPT, with ALiBi";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        requireKnown(config);
        String prefix = Naming.prefix(names, "norm_f.weight", "transformer.", "");
        Trunk trunk =
                Trunk.of(
                        config,
                        "d_model",
                        "n_layers",
                        config.positive("max_seq_len", 2048),
                        prefix,
                        Ends.of(config, names, prefix + "wte.weight", LM_HEAD, true));
        int hidden = trunk.hidden();
        return trunk.program(
                trunk.tokens(),
                HeadSpec.of(
                        Parts.factorNorm(prefix + "norm_f", hidden, epsilon(config)),
                        trunk.logits()),
                "blocks.",
                (at, index) -> layer(config, at, hidden));
    }

    private static void requireKnown(ModelConfig config) {
        if (config.has("logit_scale")) {
            throw config.bad("logit_scale", "is set, which is not supported", "use another model");
        }
        ModelConfig attention = config.section("attn_config");
        Parts.refuse(attention, "alibi", false);
        Parts.refuse(attention, "qk_ln", true);
        Parts.refuse(attention, "prefix_lm", true);
        Parts.refuse(attention, "attn_uses_sequence_id", true);
        if (attention.positive("alibi_bias_max", Alibi.MOST) != Alibi.MOST) {
            throw config.bad( // its library takes 8, whatever this says
                    "alibi_bias_max", "is not " + Alibi.MOST, "use another model");
        }
        if (attention.has("clip_qkv")) {
            throw config.bad("clip_qkv", "is set, which is not supported", "use another model");
        }
    }

    private static LayerSpec layer(ModelConfig config, String prefix, int hidden) {
        int heads = config.positive("n_heads");
        int headDim = Parts.headDim(config, "d_model", hidden, heads);
        int inner = config.product("d_model and 4", hidden, 4); // whatever expansion_ratio says
        ModelConfig attention = config.section("attn_config");
        double scale = attention.positiveNumber("softmax_scale", 1 / Math.sqrt(headDim));
        return LayerSpec.plain(
                LayerSpec.Order.PRE,
                Parts.factorNorm(prefix + "norm_1", hidden, epsilon(config)),
                AttentionSpec.plain(
                        List.of(Parts.linear(prefix + "attn.Wqkv", hidden, 3 * hidden, false)),
                        AttendSpec.causal(HeadsSpec.inOrder(heads, heads, headDim), scale)
                                .withSlopes(Alibi.halved(heads)),
                        null,
                        Parts.linear(prefix + "attn.out_proj", hidden, hidden, false)),
                Parts.factorNorm(prefix + "norm_2", hidden, epsilon(config)),
                new MlpSpec(
                        null,
                        Parts.linear(prefix + "ffn.up_proj", hidden, inner, false),
                        Parts.linear(prefix + "ffn.down_proj", inner, hidden, false),
                        Activation.GELU_EXACT));
    }

    private static double epsilon(ModelConfig config) {
        return config.positiveNumber("layer_norm_epsilon", 1e-5);
    }

    @Override
    public boolean isBuffer(String name) {
        return false;
    }
}
