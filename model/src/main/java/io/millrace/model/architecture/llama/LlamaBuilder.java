package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.architecture.decoder.AttentionPart;
import io.millrace.model.architecture.decoder.AttentionSpec;
import io.millrace.model.architecture.decoder.DecoderProgram;
import io.millrace.model.architecture.decoder.DecoderSpec;
import io.millrace.model.architecture.decoder.EmbeddingSpec;
import io.millrace.model.architecture.decoder.Ends;
import io.millrace.model.architecture.decoder.FeedForward;
import io.millrace.model.architecture.decoder.HeadSpec;
import io.millrace.model.architecture.decoder.LayerSpec;
import io.millrace.model.architecture.decoder.MlpSpec;
import io.millrace.model.architecture.decoder.Naming;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ConfigFields;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.config.RopeParameters;
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
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import java.util.function.IntUnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * The decoder that LLaMA began and its descendants vary: RMS norms before each part, rotary
 * positions, grouped key/value heads, a gated feed-forward part. What is not set is LLaMA's.
 */
public final class LlamaBuilder {
    /** What its class reads of a configuration, and most of its descendants'. */
    public static final ConfigFields FIELDS =
            RopeParameters.FIELDS
                    .honours("hidden_size", 4096, "intermediate_size", 11008)
                    .honours("num_hidden_layers", 32, "num_attention_heads", 32)
                    .honours("num_key_value_heads", null, "head_dim", null)
                    .honours("max_position_embeddings", 2048)
                    .honours("hidden_act", "silu", "rms_norm_eps", 1e-6)
                    .idle("attention_dropout");

    /** The kind of layers that see everything before them. */
    public static final String FULL = "full_attention";

    /** The kind that looks back only so far. */
    public static final String SLIDING = "sliding_attention";

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
    private boolean wideHeadNorms;
    private PartNorms partNorms = PartNorms.LLAMA;
    private boolean fusedProjections;
    private boolean fusedGate;
    private boolean tiedByDefault;
    private float normOffset;
    private float embeddingScale = 1;
    private double attentionScale;
    private float attentionSoftcap;
    private float logitSoftcap;
    private float residualScale = 1;
    private float logitScale = 1;
    private String[] prefixes = {"model.", ""};
    private final int positions;
    private double normEpsilon;
    private Activation activation;
    private IntUnaryOperator window = layer -> 0;
    private IntFunction<RopeSpec> rope;
    private boolean sinks;
    private Attentions attention;
    private FeedForwards feedForward = (prefix, layer) -> mlp(prefix + "mlp.");

    /** The attention part of each layer. */
    @FunctionalInterface
    public interface Attentions {
        /** What it computes, by the prefix of the layer's tensors and its number. */
        AttentionPart of(String prefix, int layer);
    }

    /** The feed-forward part of each layer. */
    @FunctionalInterface
    public interface FeedForwards {
        /** What it computes, by the prefix of the layer's tensors and its number. */
        FeedForward of(String prefix, int layer);
    }

    /**
     * What the norms of a layer's parts are called.
     *
     * @param attention before attention, or null
     * @param attentionOut on what attention adds, or null
     * @param mlp before the feed-forward part, or null
     * @param mlpOut on what that adds, or null
     */
    public record PartNorms(String attention, String attentionOut, String mlp, String mlpOut) {
        /** One before each part. */
        public static final PartNorms LLAMA =
                new PartNorms("input_layernorm", null, "post_attention_layernorm", null);

        /** Another behind each (Gemma 2). */
        public static final PartNorms GEMMA_2 =
                new PartNorms(
                        "input_layernorm",
                        "post_attention_layernorm",
                        "pre_feedforward_layernorm",
                        "post_feedforward_layernorm");

        /** One behind each (OLMo 2). */
        public static final PartNorms OLMO_2 =
                new PartNorms(null, "post_attention_layernorm", null, "post_feedforward_layernorm");

        /** As Gemma 2 has them, by other names. */
        public static final PartNorms GLM_4 =
                new PartNorms(
                        "input_layernorm",
                        "post_self_attn_layernorm",
                        "post_attention_layernorm",
                        "post_mlp_layernorm");
    }

    public LlamaBuilder(ModelConfig config, Set<String> names) {
        this.config = config;
        this.names = names;
        this.hidden = config.positive("hidden_size");
        this.heads = config.positive("num_attention_heads");
        positions = config.positive("max_position_embeddings");
    }

    /** Whether a name is the rotary table that old checkpoints store. */
    public static boolean isBuffer(String name) {
        return BUFFER.matcher(name).matches();
    }

    /** Under what checkpoints store everything but the head; the first where there are none. */
    public LlamaBuilder under(String... candidates) {
        prefixes = candidates;
        return this;
    }

    public LlamaBuilder attentionBias(boolean ofQueryKeyValue, boolean ofOutput) {
        queryKeyValueBias = ofQueryKeyValue;
        outputBias = ofOutput;
        return this;
    }

    public LlamaBuilder mlpBias(boolean bias) {
        mlpBias = bias;
        return this;
    }

    /** Norms over each query and key head. */
    public LlamaBuilder headNorms() {
        headNorms = true;
        return this;
    }

    /** One norm over all query heads of a row, and one over all key heads (OLMo 2). */
    public LlamaBuilder wideHeadNorms() {
        wideHeadNorms = true;
        return this;
    }

    public LlamaBuilder partNorms(PartNorms norms) {
        partNorms = norms;
        return this;
    }

    /** One matrix {@code qkv_proj} for queries, keys and values. */
    public LlamaBuilder fusedProjections() {
        fusedProjections = true;
        return this;
    }

    /** One matrix {@code gate_up_proj}. */
    public LlamaBuilder fusedGate() {
        fusedGate = true;
        return this;
    }

    /** Factors on what each part adds, and on what logits are made of. */
    public LlamaBuilder scales(double ofParts, double ofLogits) {
        residualScale = (float) ofParts;
        logitScale = (float) ofLogits;
        return this;
    }

    /** Elements of a head. */
    public int headDim() {
        if (headDim == 0) {
            headDim =
                    config.has("head_dim")
                            ? config.positive("head_dim")
                            : Parts.headDim(config, "hidden_size", hidden, heads);
        }
        return headDim;
    }

    /**
     * The angles of one kind of layers.
     *
     * @param theta the base where none is named
     */
    public RopeSpec ropeOf(String kind, double theta) {
        return config.ropeOf(kind, theta).spec(headDim(), positions);
    }

    /** The longest sequence that the model may see. */
    public int positions() {
        return positions;
    }

    /** The same angles for every layer that turns at all. */
    public LlamaBuilder rope(RopeParameters parameters, IntPredicate turning) {
        RopeSpec same = parameters.spec(headDim(), positions);
        return rope(layer -> turning.test(layer) ? same : null);
    }

    /** How each layer turns heads, null for not at all; all by the same fields if not told. */
    public LlamaBuilder rope(IntFunction<RopeSpec> ofLayer) {
        rope = ofLayer;
        return this;
    }

    public LlamaBuilder tiedByDefault() {
        tiedByDefault = true;
        return this;
    }

    public LlamaBuilder normOffset(float offset) {
        normOffset = offset;
        return this;
    }

    public LlamaBuilder embeddingScale(float scale) {
        embeddingScale = scale;
        return this;
    }

    public LlamaBuilder attentionScale(double scale) {
        attentionScale = scale;
        return this;
    }

    public LlamaBuilder softcaps(float ofAttention, float ofLogits) {
        attentionSoftcap = ofAttention;
        logitSoftcap = ofLogits;
        return this;
    }

    public LlamaBuilder activation(Activation function) {
        activation = function;
        return this;
    }

    /** How far each layer looks back, 0 for all. */
    public LlamaBuilder window(IntUnaryOperator ofLayer) {
        window = ofLayer;
        return this;
    }

    /** A score for each head that has no value (gpt-oss). */
    public LlamaBuilder sinks() {
        sinks = true;
        return this;
    }

    /** What layers have in the place of queries, keys and values that are made at once. */
    public LlamaBuilder attention(Attentions ofLayer) {
        attention = ofLayer;
        return this;
    }

    /** What layers have in the place of one gated part of three matrices. */
    public LlamaBuilder feedForward(FeedForwards ofLayer) {
        feedForward = ofLayer;
        return this;
    }

    public ModelProgram build() {
        int vocab = config.positive("vocab_size");
        int layers = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
        normEpsilon = config.positiveNumber("rms_norm_eps", 1e-6);
        if (attention == null) {
            headDim();
            kvHeads = Parts.kvHeads(config, heads, heads);
        }
        if (attentionScale == 0 && attention == null) {
            attentionScale = 1 / Math.sqrt(headDim);
        }
        if (activation == null) {
            activation = Parts.activation(config, "hidden_act", "silu");
        }
        String prefix = Naming.prefix(names, "norm.weight", prefixes);
        Ends ends =
                Ends.of(
                        config,
                        names,
                        prefix + "embed_tokens.weight",
                        Architecture.LM_HEAD,
                        tiedByDefault);
        if (attention != null) {
            rope = layer -> null; // it turns heads itself
        }
        if (rope == null) {
            rope(config.rope(10000), layer -> true);
        }
        List<LayerSpec> blocks =
                IntStream.range(0, layers)
                        .mapToObj(i ->
                                layer(
                                        prefix + "layers." + i + ".",
                                        i,
                                        rope.apply(i),
                                        window.applyAsInt(i)))
                        .toList();
        return DecoderProgram.of(
                new DecoderSpec(
                        config.modelType(),
                        vocab,
                        hidden,
                        positions,
                        EmbeddingSpec.tokens(ends.tokens(), hidden, embeddingScale),
                        blocks,
                        new HeadSpec(
                                norm(prefix + "norm", hidden),
                                null,
                                ends.logits(hidden, vocab),
                                logitSoftcap,
                                logitScale)));
    }

    private LayerSpec layer(String prefix, int index, RopeSpec turning, int layerWindow) {
        return new LayerSpec(
                LayerSpec.Order.PRE,
                partNorm(prefix, partNorms.attention),
                attention == null
                        ? attention(prefix + "self_attn.", turning, layerWindow)
                        : attention.of(prefix, index),
                partNorm(prefix, partNorms.attentionOut),
                partNorm(prefix, partNorms.mlp),
                feedForward.of(prefix, index),
                partNorm(prefix, partNorms.mlpOut),
                residualScale);
    }

    private NormSpec partNorm(String prefix, String name) {
        return name == null ? null : norm(prefix + name, hidden);
    }

    private AttentionSpec attention(String prefix, RopeSpec turning, int layerWindow) {
        int queries = config.product("num_attention_heads and head_dim", heads, headDim);
        int keys = kvHeads * headDim;
        AttendSpec attend =
                new AttendSpec(
                        HeadsSpec.inOrder(heads, kvHeads, headDim),
                        layerWindow == 0 ? new Mask.Causal() : new Mask.Window(layerWindow),
                        (float) attentionScale,
                        attentionSoftcap);
        return new AttentionSpec(
                projections(prefix, queries, keys),
                sinks ? attend.withSinks(prefix + "sinks") : attend,
                turning,
                headNorm(prefix + "q_norm", queries),
                headNorm(prefix + "k_norm", keys),
                Parts.linear(prefix + "o_proj", queries, hidden, outputBias));
    }

    private List<LinearSpec> projections(String prefix, int queries, int keys) {
        if (fusedProjections) {
            int all = queries + 2 * keys;
            return List.of(Parts.linear(prefix + "qkv_proj", hidden, all, queryKeyValueBias));
        }
        return Parts.projections(prefix, hidden, queries, keys, queryKeyValueBias);
    }

    private NormSpec headNorm(String module, int all) {
        if (wideHeadNorms) {
            return norm(module, all);
        }
        return headNorms ? norm(module, headDim) : null;
    }

    /** One gated part for all tokens. */
    public MlpSpec mlp(String prefix) {
        int inner = config.positive("intermediate_size");
        if (fusedGate) {
            int both = config.product("intermediate_size and 2", inner, 2);
            return new MlpSpec(
                    null,
                    Parts.linear(prefix + "gate_up_proj", hidden, both, mlpBias),
                    Parts.linear(prefix + "down_proj", inner, hidden, mlpBias),
                    activation);
        }
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
