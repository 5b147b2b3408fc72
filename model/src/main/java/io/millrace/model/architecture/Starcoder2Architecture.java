package io.millrace.model.architecture;

import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.Mask;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RopeSpec;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * StarCoder 2: LLaMA's order and rotary positions with layer norms, biases, and a feed-forward part
 * without a gate.
 */
final class Starcoder2Architecture implements Architecture {
    private static final int USUAL_KV_HEADS = 2;

    @Override
    public String modelType() {
        return "starcoder2";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        int hidden = config.positive("hidden_size");
        int vocab = config.positive("vocab_size");
        int layers = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
        int positions = config.positive("max_position_embeddings", 4096);
        int heads = config.positive("num_attention_heads");
        String prefix = Naming.prefix(names, "norm.weight", "model.", "");
        boolean tied = Naming.isTied(config, names, Naming.LM_HEAD, true);
        String tokens = prefix + "embed_tokens.weight";
        if (tied) {
            tokens = Naming.tied(names, tokens, Naming.LM_HEAD);
        }
        RopeSpec rope =
                config.rope(10000, 1)
                        .spec(Parts.headDim(config, "hidden_size", hidden, heads), positions);
        List<LayerSpec> blocks =
                IntStream.range(0, layers)
                        .mapToObj(i -> layer(config, prefix + "layers." + i + ".", hidden, rope))
                        .toList();
        return DecoderProgram.of(
                new DecoderSpec(
                        modelType(),
                        vocab,
                        hidden,
                        positions,
                        new EmbeddingSpec(tokens, hidden, null, 0, 0, null, 1),
                        blocks,
                        new HeadSpec(
                                norm(config, prefix + "norm", hidden),
                                null,
                                new LinearSpec(
                                        tied ? tokens : Naming.LM_HEAD, null, hidden, vocab, false),
                                0)));
    }

    private static LayerSpec layer(ModelConfig config, String prefix, int hidden, RopeSpec rope) {
        boolean bias = config.bool("use_bias", true);
        int inner = config.positive("intermediate_size");
        return new LayerSpec(
                LayerSpec.Order.PRE,
                norm(config, prefix + "input_layernorm", hidden),
                attention(config, prefix + "self_attn.", hidden, rope),
                null,
                norm(config, prefix + "post_attention_layernorm", hidden),
                new MlpSpec(
                        null,
                        Parts.linear(prefix + "mlp.c_fc", hidden, inner, bias),
                        Parts.linear(prefix + "mlp.c_proj", inner, hidden, bias),
                        Parts.activation(config, "hidden_act", "gelu_pytorch_tanh")),
                null);
    }

    private static AttentionSpec attention(
            ModelConfig config, String prefix, int hidden, RopeSpec rope) {
        boolean bias = config.bool("use_bias", true);
        int heads = config.positive("num_attention_heads");
        int headDim = Parts.headDim(config, "hidden_size", hidden, heads);
        int keyHeads =
                config.mentions("num_key_value_heads")
                        ? config.positive("num_key_value_heads")
                        : USUAL_KV_HEADS;
        if (heads % keyHeads != 0) {
            throw config.bad(
                    "num_key_value_heads",
                    "is " + keyHeads + ", no divisor of " + heads + " heads");
        }
        int keys = keyHeads * headDim;
        Mask mask =
                config.has("sliding_window")
                        ? new Mask.Window(config.positive("sliding_window"))
                        : new Mask.Causal();
        return AttentionSpec.plain(
                List.of(
                        Parts.linear(prefix + "q_proj", hidden, hidden, bias),
                        Parts.linear(prefix + "k_proj", hidden, keys, bias),
                        Parts.linear(prefix + "v_proj", hidden, keys, bias)),
                new AttendSpec(
                        HeadsSpec.inOrder(heads, keyHeads, headDim),
                        mask,
                        (float) (1 / Math.sqrt(headDim)),
                        0),
                rope,
                Parts.linear(prefix + "o_proj", hidden, hidden, bias));
    }

    private static NormSpec norm(ModelConfig config, String module, int hidden) {
        return Parts.layerNorm(module, hidden, config.positiveNumber("norm_epsilon", 1e-5));
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
