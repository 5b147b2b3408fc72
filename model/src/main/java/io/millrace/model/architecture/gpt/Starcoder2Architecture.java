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
import io.millrace.model.spec.RopeSpec;
import java.util.Set;

/** StarCoder 2: layer norms and a plain feed-forward part around grouped heads that turn. */
public final class Starcoder2Architecture extends ListedArchitecture {
    /** The family. */
    public Starcoder2Architecture() {
        super(
                RopeParameters.FIELDS
                        .honours("vocab_size", 49152, "hidden_size", 3072)
                        .honours("intermediate_size", 12288, "num_hidden_layers", 30)
                        .honours("num_attention_heads", 24, "head_dim", null)
                        .honours("num_key_value_heads", 2, "hidden_act", "gelu_pytorch_tanh")
                        .honours("max_position_embeddings", 4096, "norm_epsilon", 1e-5)
                        .honours("sliding_window", null, "use_bias", true)
                        .idle("attention_dropout", "residual_dropout", "embedding_dropout"));
    }

    @Override
    public String modelType() {
        return "starcoder2";
    }

    @Override
    public String models() {
        return "StarCoder 2";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        String prefix = Naming.prefix(names, "norm.weight", "model.", "");
        RopeParameters turning = config.rope(10000);
        Trunk trunk =
                Trunk.of(
                        config,
                        "hidden_size",
                        "num_hidden_layers",
                        config.positive("max_position_embeddings"),
                        prefix,
                        Ends.of(config, names, prefix + "embed_tokens.weight", LM_HEAD, true));
        int hidden = trunk.hidden();
        RopeSpec rope = Parts.rope(config, trunk, turning);
        return trunk.program(
                trunk.tokens(),
                HeadSpec.of(
                        Parts.layerNorm(prefix + "norm", hidden, epsilon(config)), trunk.logits()),
                "layers.",
                (at, index) -> layer(config, at, hidden, rope));
    }

    private static LayerSpec layer(ModelConfig config, String prefix, int hidden, RopeSpec rope) {
        int heads = config.positive("num_attention_heads");
        int headDim = Parts.headDim(config, hidden);
        int queries = config.product("num_attention_heads and head_dim", heads, headDim);
        int kvHeads = Parts.kvHeads(config, heads, 2);
        String attention = prefix + "self_attn.";
        int inner = config.positive("intermediate_size");
        boolean bias = config.bool("use_bias", true);
        AttendSpec attend =
                AttendSpec.causal(HeadsSpec.inOrder(heads, kvHeads, headDim))
                        .withWindow(
                                config.has("sliding_window")
                                        ? config.positive("sliding_window")
                                        : 0);
        return LayerSpec.plain(
                LayerSpec.Order.PRE,
                Parts.layerNorm(prefix + "input_layernorm", hidden, epsilon(config)),
                AttentionSpec.plain(
                        Parts.projections(attention, hidden, queries, kvHeads * headDim, bias),
                        attend,
                        rope,
                        Parts.linear(attention + "o_proj", queries, hidden, bias)),
                Parts.layerNorm(prefix + "post_attention_layernorm", hidden, epsilon(config)),
                new MlpSpec(
                        null,
                        Parts.linear(prefix + "mlp.c_fc", hidden, inner, bias),
                        Parts.linear(prefix + "mlp.c_proj", inner, hidden, bias),
                        Parts.activation(config, "hidden_act", "gelu_pytorch_tanh")));
    }

    private static double epsilon(ModelConfig config) {
        return config.positiveNumber("norm_epsilon", 1e-5);
    }

    @Override
    public boolean isBuffer(String name) {
        return name.endsWith("rotary_emb.inv_freq");
    }
}
