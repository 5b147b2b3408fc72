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

/** Command R: both parts on one norm, pairs of neighbours turned, logits scaled. */
public final class CohereArchitecture implements Architecture {
    @Override
    public String modelType() {
        return "cohere";
    }

    @Override
    public String models() {
        return "Command R, without norms of heads";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        Parts.refuse(config, "use_qk_norm", true);
        int hidden = config.positive("hidden_size");
        int vocab = config.positive("vocab_size");
        int layers = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
        int positions = config.positive("max_position_embeddings", 2048);
        String prefix = Naming.prefix(names, "norm.weight", "model.", "");
        Ends ends = Ends.of(config, names, prefix + "embed_tokens.weight", LM_HEAD, true);
        int headDim =
                Parts.headDim(
                        config, "hidden_size", hidden, config.positive("num_attention_heads"));
        RopeSpec rope = config.rope(10000, 1).spec(headDim, positions).ofNeighbours();
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
                        new HeadSpec(
                                Parts.factorNorm(prefix + "norm", hidden, epsilon(config)),
                                null,
                                ends.logits(hidden, vocab),
                                0,
                                (float) config.positiveNumber("logit_scale", 0.0625))));
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
        boolean bias = config.bool("attention_bias", false);
        return LayerSpec.plain(
                LayerSpec.Order.PARALLEL,
                Parts.factorNorm(prefix + "input_layernorm", hidden, epsilon(config)),
                AttentionSpec.plain(
                        List.of(
                                Parts.linear(attention + "q_proj", hidden, hidden, bias),
                                Parts.linear(attention + "k_proj", hidden, kvHeads * headDim, bias),
                                Parts.linear(
                                        attention + "v_proj", hidden, kvHeads * headDim, bias)),
                        AttendSpec.causal(HeadsSpec.inOrder(heads, kvHeads, headDim)),
                        rope,
                        Parts.linear(attention + "o_proj", hidden, hidden, bias)),
                null,
                new MlpSpec(
                        Parts.linear(prefix + "mlp.gate_proj", hidden, inner, false),
                        Parts.linear(prefix + "mlp.up_proj", hidden, inner, false),
                        Parts.linear(prefix + "mlp.down_proj", inner, hidden, false),
                        Parts.activation(config, "hidden_act", "silu")));
    }

    private static double epsilon(ModelConfig config) {
        return config.positiveNumber("layer_norm_eps", 1e-5);
    }

    @Override
    public boolean isBuffer(String name) {
        return name.endsWith("rotary_emb.inv_freq");
    }
}
