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
import java.util.Set;

/** Phi 1, 1.5 and 2: both parts on one norm, biases everywhere, those of the logits too. */
public final class PhiArchitecture extends ListedArchitecture {
    /** The family. */
    public PhiArchitecture() {
        super(
                RopeParameters.FIELDS
                        .honours("vocab_size", 51200, "hidden_size", 2048)
                        .honours("intermediate_size", 8192, "num_hidden_layers", 24)
                        .honours("num_attention_heads", 32, "head_dim", null)
                        .honours("num_key_value_heads", null, "hidden_act", "gelu_new")
                        .honours("max_position_embeddings", 2048, "layer_norm_eps", 1e-5)
                        .honours("qk_layernorm", false)
                        .idle("resid_pdrop", "embd_pdrop", "attention_dropout"));
    }

    @Override
    public String modelType() {
        return "phi";
    }

    @Override
    public String models() {
        return "Phi 1, 1.5 and 2";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        String prefix = Naming.prefix(names, "final_layernorm.weight", "model.", "");
        RopeParameters turning = config.rope(10000, 0.5);
        Trunk trunk =
                Trunk.of(
                        config,
                        "hidden_size",
                        "num_hidden_layers",
                        config.positive("max_position_embeddings"),
                        prefix,
                        Ends.of(config, names, prefix + "embed_tokens.weight", LM_HEAD, false)
                                .withBias("lm_head.bias"));
        int hidden = trunk.hidden();
        RopeSpec rope = Parts.rope(config, trunk, turning);
        return trunk.program(
                trunk.tokens(),
                HeadSpec.of(
                        Parts.layerNorm(prefix + "final_layernorm", hidden, epsilon(config)),
                        trunk.logits()),
                "layers.",
                (at, index) -> layer(config, at, hidden, rope));
    }

    private static LayerSpec layer(ModelConfig config, String prefix, int hidden, RopeSpec rope) {
        int heads = config.positive("num_attention_heads");
        int headDim = Parts.headDim(config, hidden);
        int queries = config.product("num_attention_heads and head_dim", heads, headDim);
        int kvHeads = Parts.kvHeads(config, heads, heads);
        String attention = prefix + "self_attn.";
        int inner = config.positive("intermediate_size");
        return LayerSpec.plain(
                LayerSpec.Order.PARALLEL,
                Parts.layerNorm(prefix + "input_layernorm", hidden, epsilon(config)),
                new AttentionSpec(
                        Parts.projections(attention, hidden, queries, kvHeads * headDim, true),
                        AttendSpec.causal(HeadsSpec.inOrder(heads, kvHeads, headDim)),
                        rope,
                        headNorm(config, attention + "q_layernorm", hidden / heads),
                        headNorm(config, attention + "k_layernorm", hidden / heads),
                        Parts.linear(attention + "dense", queries, hidden, true)),
                null,
                new MlpSpec(
                        null,
                        Parts.linear(prefix + "mlp.fc1", hidden, inner, true),
                        Parts.linear(prefix + "mlp.fc2", inner, hidden, true),
                        Parts.activation(config, "hidden_act", "gelu_new")));
    }

    /** As wide as a head's share of the hidden size, whatever heads have. */
    private static NormSpec headNorm(ModelConfig config, String module, int width) {
        boolean asked = config.bool("qk_layernorm", false);
        return asked ? Parts.layerNorm(module, width, epsilon(config)) : null;
    }

    private static double epsilon(ModelConfig config) {
        return config.positiveNumber("layer_norm_eps", 1e-5);
    }

    @Override
    public boolean isBuffer(String name) {
        return name.endsWith("rotary_emb.inv_freq");
    }
}
