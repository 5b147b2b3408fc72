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
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadsSpec;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * StarCoder and SantaCoder: GPT-2 with matrices stored output-major, and one key and value head for
 * all.
 */
public final class GptBigcodeArchitecture extends ListedArchitecture {
    private static final Pattern BUFFER =
            Pattern.compile("(transformer\\.)?h\\.\\d+\\.attn\\.(bias|masked_bias)");

    /** The family. */
    public GptBigcodeArchitecture() {
        super(
                Gpt2Architecture.FIELDS
                        .honours("vocab_size", 50257)
                        .honours("activation_function", "gelu_pytorch_tanh")
                        .honours("multi_query", true)
                        .idle("attention_softmax_in_fp32", "scale_attention_softmax_in_fp32"));
    }

    @Override
    public String modelType() {
        return "gpt_bigcode";
    }

    @Override
    public String models() {
        return "StarCoder and SantaCoder";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        String prefix = Naming.prefix(names, "wpe.weight", "transformer.", "");
        Trunk trunk =
                Trunk.of(
                        config,
                        "n_embd",
                        "n_layer",
                        config.positive("n_positions", 1024),
                        prefix,
                        Ends.of(config, names, prefix + "wte.weight", LM_HEAD, true));
        int hidden = trunk.hidden();
        return trunk.program(
                trunk.tokensAndPositions("wpe.weight"),
                HeadSpec.of(
                        Parts.layerNorm(prefix + "ln_f", hidden, epsilon(config)), trunk.logits()),
                "h.",
                (at, index) -> layer(config, at, hidden));
    }

    private static LayerSpec layer(ModelConfig config, String prefix, int hidden) {
        int heads = config.positive("n_head");
        int headDim = Parts.headDim(config, "n_embd", hidden, heads);
        int inner = config.positive("n_inner", config.product("n_embd and 4", hidden, 4));
        boolean oneKey = config.bool("multi_query", true);
        double scale = config.bool("scale_attn_weights", true) ? 1 / Math.sqrt(headDim) : 1;
        HeadsSpec columns =
                oneKey
                        ? HeadsSpec.inOrder(heads, 1, headDim)
                        : HeadsSpec.interleaved(heads, headDim);
        int projected = oneKey ? hidden + 2 * headDim : 3 * hidden;
        return LayerSpec.plain(
                LayerSpec.Order.PRE,
                Parts.layerNorm(prefix + "ln_1", hidden, epsilon(config)),
                AttentionSpec.plain(
                        List.of(Parts.linear(prefix + "attn.c_attn", hidden, projected, true)),
                        AttendSpec.causal(columns, scale),
                        null,
                        Parts.linear(prefix + "attn.c_proj", hidden, hidden, true)),
                Parts.layerNorm(prefix + "ln_2", hidden, epsilon(config)),
                new MlpSpec(
                        null,
                        Parts.linear(prefix + "mlp.c_fc", hidden, inner, true),
                        Parts.linear(prefix + "mlp.c_proj", inner, hidden, true),
                        Parts.activation(config, "activation_function", "gelu_pytorch_tanh")));
    }

    private static double epsilon(ModelConfig config) {
        return config.positiveNumber("layer_norm_epsilon", 1e-5);
    }

    @Override
    public boolean isBuffer(String name) {
        return BUFFER.matcher(name).matches();
    }
}
