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
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.NormSpec;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** GPT-2: learned positions, one matrix for query, key and value, matrices stored input-major. */
public final class Gpt2Architecture extends ListedArchitecture {
    /** What GPT-2 and those after it read. */
    static final ConfigFields FIELDS =
            ConfigFields.of("n_positions", 1024, "n_embd", 768, "n_layer", 12)
                    .honours("n_head", 12, "n_inner", null)
                    .honours("activation_function", "gelu_new", "layer_norm_epsilon", 1e-5)
                    .honours("scale_attn_weights", true)
                    .only("add_cross_attention", false)
                    .idle("resid_pdrop", "embd_pdrop", "attn_pdrop")
                    .alias("hidden_size", "n_embd")
                    .alias("max_position_embeddings", "n_positions")
                    .alias("num_attention_heads", "n_head")
                    .alias("num_hidden_layers", "n_layer");

    private static final Pattern BUFFER =
            Pattern.compile("(transformer\\.)?h\\.\\d+\\.attn\\.(bias|masked_bias)");

    /** The family. */
    public Gpt2Architecture() {
        super(
                FIELDS.honours("vocab_size", 50257, "scale_attn_by_inverse_layer_idx", false)
                        .idle("reorder_and_upcast_attn", "summary_type", "summary_use_proj")
                        .idle("summary_activation", "summary_proj_to_labels")
                        .idle("summary_first_dropout"));
    }

    @Override
    public String modelType() {
        return "gpt2";
    }

    @Override
    public String models() {
        return "GPT-2";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        String prefix = Naming.prefix(names, "wpe.weight", "transformer.", "");
        Ends ends = Ends.of(config, names, prefix + "wte.weight", LM_HEAD, true);
        int positions = config.positive("n_positions");
        Trunk trunk = Trunk.of(config, "n_embd", "n_layer", positions, prefix, ends);
        int hidden = trunk.hidden();
        NormSpec last = Parts.layerNorm(prefix + "ln_f", hidden, epsilon(config));
        return trunk.program(
                trunk.tokensAndPositions("wpe.weight"),
                HeadSpec.of(last, trunk.logits()),
                "h.",
                (at, index) -> layer(config, at, index, hidden));
    }

    private static LayerSpec layer(ModelConfig config, String prefix, int index, int hidden) {
        int heads = config.positive("n_head");
        int headDim = Parts.headDim(config, "n_embd", hidden, heads);
        int inner = config.positive("n_inner", config.product("n_embd and 4", hidden, 4));
        double scale = config.bool("scale_attn_weights", true) ? 1 / Math.sqrt(headDim) : 1;
        if (config.bool("scale_attn_by_inverse_layer_idx", false)) {
            scale /= index + 1;
        }
        return LayerSpec.plain(
                LayerSpec.Order.PRE,
                Parts.layerNorm(prefix + "ln_1", hidden, epsilon(config)),
                AttentionSpec.plain(
                        List.of(Parts.inputMajor(prefix + "attn.c_attn", hidden, 3 * hidden)),
                        AttendSpec.causal(HeadsSpec.inOrder(heads, heads, headDim), scale),
                        null,
                        Parts.inputMajor(prefix + "attn.c_proj", hidden, hidden)),
                Parts.layerNorm(prefix + "ln_2", hidden, epsilon(config)),
                new MlpSpec(
                        null,
                        Parts.inputMajor(prefix + "mlp.c_fc", hidden, inner),
                        Parts.inputMajor(prefix + "mlp.c_proj", inner, hidden),
                        Parts.activation(config, "activation_function", "gelu_new")));
    }

    private static double epsilon(ModelConfig config) {
        return config.positiveNumber("layer_norm_epsilon", 1e-5);
    }

    @Override
    public boolean isBuffer(String name) {
        return BUFFER.matcher(name).matches();
    }
}
