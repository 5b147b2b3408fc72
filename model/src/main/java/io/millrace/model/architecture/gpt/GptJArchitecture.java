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
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** GPT-J: both parts on one norm, pairs of neighbours turned, a bias on the logits. */
public final class GptJArchitecture implements Architecture {
    private static final Pattern BUFFER =
            Pattern.compile(
                    "(transformer\\.)?h\\.\\d+\\.attn\\.(bias|masked_bias|embed_positions)");

    @Override
    public String modelType() {
        return "gptj";
    }

    @Override
    public String models() {
        return "GPT-J";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        int hidden = config.positive("n_embd");
        int vocab = config.positive("vocab_size");
        int layers = config.positiveUpTo("n_layer", Parts.MAX_LAYERS);
        int positions = config.positive("n_positions", 2048);
        String prefix = Naming.prefix(names, "ln_f.weight", "transformer.", "");
        Ends ends =
                Ends.of(config, names, prefix + "wte.weight", LM_HEAD, false)
                        .withBias("lm_head.bias");
        int headDim = Parts.headDim(config, "n_embd", hidden, config.positive("n_head"));
        int turned = config.positive("rotary_dim", headDim);
        if (turned > headDim) {
            throw config.bad("rotary_dim", "is " + turned + ", more than the head's " + headDim);
        }
        RopeSpec rope = config.plainRope(10000).spec(turned, positions).ofNeighbours();
        return DecoderProgram.of(
                new DecoderSpec(
                        modelType(),
                        vocab,
                        hidden,
                        positions,
                        EmbeddingSpec.tokens(ends.tokens(), hidden, 1),
                        IntStream.range(0, layers)
                                .mapToObj(i -> layer(config, prefix + "h." + i + ".", hidden, rope))
                                .toList(),
                        HeadSpec.of(
                                Parts.layerNorm(prefix + "ln_f", hidden, epsilon(config)),
                                ends.logits(hidden, vocab))));
    }

    private static LayerSpec layer(ModelConfig config, String prefix, int hidden, RopeSpec rope) {
        int heads = config.positive("n_head");
        int inner = config.positive("n_inner", config.product("n_embd and 4", hidden, 4));
        String attention = prefix + "attn.";
        return LayerSpec.plain(
                LayerSpec.Order.PARALLEL,
                Parts.layerNorm(prefix + "ln_1", hidden, epsilon(config)),
                AttentionSpec.plain(
                        List.of(
                                Parts.linear(attention + "q_proj", hidden, hidden, false),
                                Parts.linear(attention + "k_proj", hidden, hidden, false),
                                Parts.linear(attention + "v_proj", hidden, hidden, false)),
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
