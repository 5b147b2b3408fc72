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
import io.millrace.model.spec.RopeSpec;
import java.util.Set;
import java.util.regex.Pattern;

/** GPT-J: both parts on one norm, pairs of neighbours turned, a bias on the logits. */
public final class GptJArchitecture extends ListedArchitecture {
    private static final Pattern BUFFER =
            Pattern.compile(
                    "(transformer\\.)?h\\.\\d+\\.attn\\.(bias|masked_bias|embed_positions)");

    /** The family. */
    public GptJArchitecture() {
        super(
                ConfigFields.of("vocab_size", 50400, "n_positions", 2048, "n_embd", 4096)
                        .honours("n_layer", 28, "n_head", 16, "rotary_dim", 64, "n_inner", null)
                        .honours("activation_function", "gelu_new", "layer_norm_epsilon", 1e-5)
                        .idle("resid_pdrop", "embd_pdrop", "attn_pdrop")
                        .alias("hidden_size", "n_embd")
                        .alias("max_position_embeddings", "n_positions")
                        .alias("num_attention_heads", "n_head")
                        .alias("num_hidden_layers", "n_layer"));
    }

    @Override
    public String modelType() {
        return "gptj";
    }

    @Override
    public String models() {
        return "GPT-J";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        String prefix = Naming.prefix(names, "ln_f.weight", "transformer.", "");
        Trunk trunk =
                Trunk.of(
                        config,
                        "n_embd",
                        "n_layer",
                        config.positive("n_positions", 2048),
                        prefix,
                        Ends.of(config, names, prefix + "wte.weight", LM_HEAD, false)
                                .withBias("lm_head.bias"));
        int hidden = trunk.hidden();
        int headDim = Parts.headDim(config, "n_embd", hidden, config.positive("n_head"));
        int turned = config.positive("rotary_dim", headDim);
        if (turned > headDim) {
            throw config.bad("rotary_dim", "is " + turned + ", more than the head's " + headDim);
        }
        RopeSpec rope = config.plainRope(10000).spec(turned, trunk.positions()).ofNeighbours();
        return trunk.program(
                trunk.tokens(),
                HeadSpec.of(
                        Parts.layerNorm(prefix + "ln_f", hidden, epsilon(config)), trunk.logits()),
                "h.",
                (at, index) -> layer(config, at, hidden, rope));
    }

    private static LayerSpec layer(ModelConfig config, String prefix, int hidden, RopeSpec rope) {
        int heads = config.positive("n_head");
        int inner = config.positive("n_inner", config.product("n_embd and 4", hidden, 4));
        String attention = prefix + "attn.";
        return LayerSpec.plain(
                LayerSpec.Order.PARALLEL,
                Parts.layerNorm(prefix + "ln_1", hidden, epsilon(config)),
                AttentionSpec.plain(
                        Parts.projections(attention, hidden, hidden, hidden, false),
                        AttendSpec.causal(HeadsSpec.inOrder(heads, heads, hidden / heads)),
                        rope,
                        Parts.linear(attention + "out_proj", hidden, hidden, false)),
                null,
                new MlpSpec(
                        null,
                        Parts.linear(prefix + "mlp.fc_in", hidden, inner, true),
                        Parts.linear(prefix + "mlp.fc_out", inner, hidden, true),
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
