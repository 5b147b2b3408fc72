package io.millrace.model.architecture;

import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.Mask;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RopeSpec;
import java.util.List;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.function.IntUnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * The decoder that LLaMA began and its descendants vary: RMS norms before each part, rotary
 * positions, grouped key/value heads, a gated feed-forward part. What is not set is LLaMA's.
 */
final class LlamaBuilder {
    private static final Pattern BUFFER = Pattern.compile(".*rotary_emb\\.inv_freq");

    private final ModelConfig config;
    private final Set<String> names;
    private final int hidden;
    private final int heads;
    private int kvHeads;
    private int headDim;
    private boolean queryKeyValueBias;
    private boolean outputBias;
    private boolean mlpBias;
    private boolean headNorms;
    private boolean partNorms;
    private boolean tiedByDefault;
    private float normOffset;
    private float embeddingScale = 1;
    private double attentionScale;
    private float attentionSoftcap;
    private float logitSoftcap;
    private double normEpsilon = 1e-6;
    private Activation activation;
    private IntUnaryOperator window = layer -> 0;
    private IntPredicate turning = layer -> true;
    private double ropeTheta = 10000;

    LlamaBuilder(ModelConfig config, Set<String> names) {
        this.config = config;
        this.names = names;
        this.hidden = config.positive("hidden_size");
        this.heads = config.positive("num_attention_heads");
        this.kvHeads = config.positive("num_key_value_heads", heads);
    }

    /** Whether a name is the rotary table that old checkpoints store. */
    static boolean isBuffer(String name) {
        return BUFFER.matcher(name).matches();
    }

    LlamaBuilder kvHeadsByDefault(int count) {
        kvHeads = config.positive("num_key_value_heads", count);
        return this;
    }

    LlamaBuilder headDimByDefault(int elements) {
        headDim = config.positive("head_dim", elements);
        return this;
    }

    LlamaBuilder attentionBias(boolean ofQueryKeyValue, boolean ofOutput) {
        queryKeyValueBias = ofQueryKeyValue;
        outputBias = ofOutput;
        return this;
    }

    LlamaBuilder mlpBias(boolean bias) {
        mlpBias = bias;
        return this;
    }

    /** Norms over each query and key head. */
    LlamaBuilder headNorms() {
        headNorms = true;
        return this;
    }

    /** A second norm on what each part adds (Gemma 2). */
    LlamaBuilder partNorms() {
        partNorms = true;
        return this;
    }

    LlamaBuilder tiedByDefault() {
        tiedByDefault = true;
        return this;
    }

    LlamaBuilder normOffset(float offset) {
        normOffset = offset;
        return this;
    }

    LlamaBuilder embeddingScale(float scale) {
        embeddingScale = scale;
        return this;
    }

    LlamaBuilder attentionScale(double scale) {
        attentionScale = scale;
        return this;
    }

    LlamaBuilder softcaps(float ofAttention, float ofLogits) {
        attentionSoftcap = ofAttention;
        logitSoftcap = ofLogits;
        return this;
    }

    LlamaBuilder activation(Activation function) {
        activation = function;
        return this;
    }

    /** How far each layer looks back, 0 for all. */
    LlamaBuilder window(IntUnaryOperator ofLayer) {
        window = ofLayer;
        return this;
    }

    /** The base where the configuration names none, and which layers turn at all. */
    LlamaBuilder rope(double thetaByDefault, IntPredicate layers) {
        ropeTheta = thetaByDefault;
        turning = layers;
        return this;
    }

    ModelProgram build() {
        int vocab = config.positive("vocab_size");
        int layers = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
        int positions = config.positive("max_position_embeddings", 2048);
        normEpsilon = config.positiveNumber("rms_norm_eps", 1e-6);
        if (headDim == 0) {
            headDim =
                    config.has("head_dim")
                            ? config.positive("head_dim")
                            : Parts.headDim(config, "hidden_size", hidden, heads);
        }
        if (heads % kvHeads != 0) {
            throw config.bad(
                    "num_key_value_heads", "is " + kvHeads + ", no divisor of " + heads + " heads");
        }
        if (attentionScale == 0) {
            attentionScale = 1 / Math.sqrt(headDim);
        }
        if (activation == null) {
            activation = Parts.activation(config, "hidden_act", "silu");
        }
        String prefix = Naming.prefix(names, "norm.weight", "model.", "");
        boolean tied = Naming.isTied(config, names, Naming.LM_HEAD, tiedByDefault);
        String tokens = prefix + "embed_tokens.weight";
        if (tied) {
            tokens = Naming.tied(names, tokens, Naming.LM_HEAD);
        }
        RopeSpec rope = config.rope(ropeTheta, 1).spec(headDim, positions);
        List<LayerSpec> blocks =
                IntStream.range(0, layers)
                        .mapToObj(i ->
                                layer(
                                        prefix + "layers." + i + ".",
                                        turning.test(i) ? rope : null,
                                        window.applyAsInt(i)))
                        .toList();
        return DecoderProgram.of(
                new DecoderSpec(
                        config.modelType(),
                        vocab,
                        hidden,
                        positions,
                        new EmbeddingSpec(tokens, hidden, null, 0, 0, null, embeddingScale),
                        blocks,
                        new HeadSpec(
                                norm(prefix + "norm", hidden),
                                null,
                                new LinearSpec(
                                        tied ? tokens : Naming.LM_HEAD, null, hidden, vocab, false),
                                logitSoftcap)));
    }

    private LayerSpec layer(String prefix, RopeSpec rope, int layerWindow) {
        NormSpec afterAttention = norm(prefix + "post_attention_layernorm", hidden);
        return new LayerSpec(
                LayerSpec.Order.PRE,
                norm(prefix + "input_layernorm", hidden),
                attention(prefix + "self_attn.", rope, layerWindow),
                partNorms ? afterAttention : null,
                partNorms ? norm(prefix + "pre_feedforward_layernorm", hidden) : afterAttention,
                mlp(prefix + "mlp."),
                partNorms ? norm(prefix + "post_feedforward_layernorm", hidden) : null);
    }

    private AttentionSpec attention(String prefix, RopeSpec rope, int layerWindow) {
        int queries = config.product("num_attention_heads and head_dim", heads, headDim);
        int keys = kvHeads * headDim;
        return new AttentionSpec(
                List.of(
                        Parts.linear(prefix + "q_proj", hidden, queries, queryKeyValueBias),
                        Parts.linear(prefix + "k_proj", hidden, keys, queryKeyValueBias),
                        Parts.linear(prefix + "v_proj", hidden, keys, queryKeyValueBias)),
                new AttendSpec(
                        HeadsSpec.inOrder(heads, kvHeads, headDim),
                        layerWindow == 0 ? new Mask.Causal() : new Mask.Window(layerWindow),
                        (float) attentionScale,
                        attentionSoftcap),
                rope,
                headNorms ? norm(prefix + "q_norm", headDim) : null,
                headNorms ? norm(prefix + "k_norm", headDim) : null,
                Parts.linear(prefix + "o_proj", queries, hidden, outputBias));
    }

    private MlpSpec mlp(String prefix) {
        int inner = config.positive("intermediate_size");
        return new MlpSpec(
                Parts.linear(prefix + "gate_proj", hidden, inner, mlpBias),
                Parts.linear(prefix + "up_proj", hidden, inner, mlpBias),
                Parts.linear(prefix + "down_proj", inner, hidden, mlpBias),
                activation);
    }

    private NormSpec norm(String module, int width) {
        return Parts.rmsNorm(module, width, normEpsilon, normOffset);
    }
}
