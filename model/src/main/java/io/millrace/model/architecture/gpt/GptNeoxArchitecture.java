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
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * GPT-NeoX and Pythia: query, key and value of a head side by side in one matrix, a part of each
 * head turned, both parts of a block on the same hidden state.
 */
public final class GptNeoxArchitecture extends ListedArchitecture {
    private static final String HEAD = "embed_out.weight";
    private static final Pattern BUFFER =
            Pattern.compile(
                    "(gpt_neox\\.)?layers\\.\\d+\\.attention\\."
                            + "(bias|masked_bias|rotary_emb\\.inv_freq)");

    /** The family. */
    public GptNeoxArchitecture() {
        super(
                RopeParameters.FIELDS
                        .honours("vocab_size", 50432, "hidden_size", 6144)
                        .honours("num_hidden_layers", 44, "num_attention_heads", 64)
                        .honours("intermediate_size", 24576, "hidden_act", "gelu")
                        .honours("max_position_embeddings", 2048, "layer_norm_eps", 1e-5)
                        .honours("use_parallel_residual", true, "attention_bias", true)
                        .idle("attention_dropout", "hidden_dropout", "classifier_dropout")
                        .idle("is_decoder")
                        .spelt("rope_theta", "rotary_emb_base")
                        .spelt("partial_rotary_factor", "rotary_pct"));
    }

    @Override
    public String modelType() {
        return "gpt_neox";
    }

    @Override
    public String models() {
        return "GPT-NeoX and Pythia, with parallel or sequential blocks";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        String prefix = Naming.prefix(names, "embed_in.weight", "gpt_neox.", "");
        RopeParameters turning = config.rope(10000, 0.25);
        Trunk trunk =
                Trunk.of(
                        config,
                        "hidden_size",
                        "num_hidden_layers",
                        config.positive("max_position_embeddings"),
                        prefix,
                        Ends.of(config, names, prefix + "embed_in.weight", head(names), false));
        int hidden = trunk.hidden();
        RopeSpec rope = Parts.rope(config, trunk, turning);
        return trunk.program(
                trunk.tokens(),
                HeadSpec.of(
                        Parts.layerNorm(prefix + "final_layer_norm", hidden, epsilon(config)),
                        trunk.logits()),
                "layers.",
                (at, index) -> layer(config, at, hidden, rope));
    }

    /** As its files have it, or as the library calls it since. */
    private static String head(Set<String> names) {
        return names.contains(LM_HEAD) && !names.contains(HEAD) ? LM_HEAD : HEAD;
    }

    private static LayerSpec layer(ModelConfig config, String prefix, int hidden, RopeSpec rope) {
        int heads = config.positive("num_attention_heads");
        int headDim = hidden / heads;
        int inner = config.positive("intermediate_size");
        boolean bias = config.bool("attention_bias", true);
        return LayerSpec.plain(
                config.bool("use_parallel_residual", true)
                        ? LayerSpec.Order.PARALLEL
                        : LayerSpec.Order.PRE,
                Parts.layerNorm(prefix + "input_layernorm", hidden, epsilon(config)),
                AttentionSpec.plain(
                        List.of(
                                Parts.linear(
                                        prefix + "attention.query_key_value",
                                        hidden,
                                        3 * hidden,
                                        bias)),
                        AttendSpec.causal(HeadsSpec.interleaved(heads, headDim)),
                        rope,
                        Parts.linear(prefix + "attention.dense", hidden, hidden, bias)),
                Parts.layerNorm(prefix + "post_attention_layernorm", hidden, epsilon(config)),
                new MlpSpec(
                        null,
                        Parts.linear(prefix + "mlp.dense_h_to_4h", hidden, inner, true),
                        Parts.linear(prefix + "mlp.dense_4h_to_h", inner, hidden, true),
                        Parts.activation(config, "hidden_act", "gelu")));
    }

    private static double epsilon(ModelConfig config) {
        return config.positiveNumber("layer_norm_eps", 1e-5);
    }

    @Override
    public boolean isBuffer(String name) {
        return BUFFER.matcher(name).matches();
    }

    @Override
    public List<String> headNames() {
        return List.of(HEAD, LM_HEAD);
    }
}
