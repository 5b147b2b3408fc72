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
import io.millrace.model.spec.RopeSpec;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** Phi 1, 1.5 and 2: both parts on one norm, biases everywhere, those of the logits too. */
public final class PhiArchitecture implements Architecture {
    @Override
    public String modelType() {
        return "phi";
    }

    @Override
    public String models() {
        return "Phi 1, 1.5 and 2";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        Parts.refuse(config, "qk_layernorm", true);
        int hidden = config.positive("hidden_size");
        int vocab = config.positive("vocab_size");
        int layers = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
        int positions = config.positive("max_position_embeddings", 2048);
        String prefix = Naming.prefix(names, "final_layernorm.weight", "model.", "");
        Ends ends =
                Ends.of(config, names, prefix + "embed_tokens.weight", LM_HEAD, false)
                        .withBias("lm_head.bias");
        int headDim =
                Parts.headDim(
                        config, "hidden_size", hidden, config.positive("num_attention_heads"));
        RopeSpec rope = config.rope(10000, 0.5).spec(headDim, positions);
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
                                Parts.layerNorm(
                                        prefix + "final_layernorm", hidden, epsilon(config)),
                                ends.logits(hidden, vocab))));
    }

    private static LayerSpec layer(ModelConfig config, String prefix, int hidden, RopeSpec rope) {
        int heads = config.positive("num_attention_heads");
        int headDim = hidden / heads;
        int kvHeads = config.positive("num_key_value_heads", heads);
        if (heads % kvHeads != 0) {
            throw config.bad(
                    "num_key_value_heads", "is " + kvHeads + ", no divisor of " + heads + " heads");
        }
        String attention = prefix + "self_attn.";
        int inner = config.positive("intermediate_size");
        return LayerSpec.plain(
                LayerSpec.Order.PARALLEL,
                Parts.layerNorm(prefix + "input_layernorm", hidden, epsilon(config)),
                AttentionSpec.plain(
                        List.of(
                                Parts.linear(attention + "q_proj", hidden, hidden, true),
                                Parts.linear(attention + "k_proj", hidden, kvHeads * headDim, true),
                                Parts.linear(
                                        attention + "v_proj", hidden, kvHeads * headDim, true)),
                        AttendSpec.causal(HeadsSpec.inOrder(heads, kvHeads, headDim)),
                        rope,
                        Parts.linear(attention + "dense", hidden, hidden, true)),
                null,
                new MlpSpec(
                        null,
                        Parts.linear(prefix + "mlp.fc1", hidden, inner, true),
                        Parts.linear(prefix + "mlp.fc2", inner, hidden, true),
                        Parts.activation(config, "hidden_act", "gelu_new")));
    }

    private static double epsilon(ModelConfig config) {
        return config.positiveNumber("layer_norm_eps", 1e-5);
    }

    @Override
    public boolean isBuffer(String name) {
        return name.endsWith("rotary_emb.inv_freq");
    }
}
