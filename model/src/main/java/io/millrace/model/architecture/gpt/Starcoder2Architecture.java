package io.millrace.model.architecture.gpt;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.architecture.decoder.AttentionSpec;
import io.millrace.model.architecture.decoder.DecoderProgram;
import io.millrace.model.architecture.decoder.DecoderSpec;
import io.millrace.model.architecture.decoder.EmbeddingSpec;
import io.millrace.model.architecture.decoder.Ends;
import io.millrace.model.architecture.decoder.HeadSpec;
import io.millrace.model.architecture.decoder.LayerSpec;
import io.millrace.model.architecture.decoder.MlpSpec;
import io.millrace.model.architecture.decoder.Naming;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.Mask;
import io.millrace.model.spec.RopeSpec;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** StarCoder 2: layer norms and a plain feed-forward part around grouped heads that turn. */
public final class Starcoder2Architecture implements Architecture {
    @Override
    public String modelType() {
        return "starcoder2";
    }

    @Override
    public String models() {
        return "StarCoder 2";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        int hidden = config.positive("hidden_size");
        int vocab = config.positive("vocab_size");
        int layers = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
        int positions = config.positive("max_position_embeddings", 2048);
        String prefix = Naming.prefix(names, "norm.weight", "model.", "");
        Ends ends = Ends.of(config, names, prefix + "embed_tokens.weight", LM_HEAD, true);
        int headDim =
                Parts.headDim(
                        config, "hidden_size", hidden, config.positive("num_attention_heads"));
        RopeSpec rope = config.rope(10000, 1).spec(headDim, positions);
        return DecoderProgram.of(
                new DecoderSpec(
                        modelType(),
                        vocab,
                        hidden,
                        positions,
                        EmbeddingSpec.tokens(ends.tokens(), hidden, 1),
                        IntStream.range(0, layers)
                                .mapToObj(i ->
                                        layer(config, prefix + "layers." + i + ".", hidden, rope))
                                .toList(),
                        HeadSpec.of(
                                Parts.layerNorm(prefix + "norm", hidden, epsilon(config)),
                                ends.logits(hidden, vocab))));
    }

    private static LayerSpec layer(ModelConfig config, String prefix, int hidden, RopeSpec rope) {
        int heads = config.positive("num_attention_heads");
        int headDim = hidden / heads;
        int kvHeads =
                config.mentions("num_key_value_heads")
                        ? config.positive("num_key_value_heads", heads)
                        : 2;
        if (heads % kvHeads != 0) {
            throw config.bad(
                    "num_key_value_heads", "is " + kvHeads + ", no divisor of " + heads + " heads");
        }
        String attention = prefix + "self_attn.";
        int inner = config.positive("intermediate_size");
        boolean bias = config.bool("use_bias", true);
        HeadsSpec columns = HeadsSpec.inOrder(heads, kvHeads, headDim);
        AttendSpec attend =
                config.has("sliding_window")
                        ? new AttendSpec(
                                columns,
                                new Mask.Window(config.positive("sliding_window")),
                                (float) (1 / Math.sqrt(headDim)),
                                0)
                        : AttendSpec.causal(columns);
        return LayerSpec.plain(
                LayerSpec.Order.PRE,
                Parts.layerNorm(prefix + "input_layernorm", hidden, epsilon(config)),
                AttentionSpec.plain(
                        List.of(
                                Parts.linear(attention + "q_proj", hidden, hidden, bias),
                                Parts.linear(attention + "k_proj", hidden, kvHeads * headDim, bias),
                                Parts.linear(
                                        attention + "v_proj", hidden, kvHeads * headDim, bias)),
                        attend,
                        rope,
                        Parts.linear(attention + "o_proj", hidden, hidden, bias)),
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
