package io.millrace.model.architecture.gpt;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.AttentionSpec;
import io.millrace.model.architecture.decoder.Ends;
import io.millrace.model.architecture.decoder.HeadSpec;
import io.millrace.model.architecture.decoder.LayerSpec;
import io.millrace.model.architecture.decoder.Naming;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.architecture.decoder.Trunk;
import io.millrace.model.config.ConfigFields;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.config.RopeParameters;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.RopeSpec;
import java.util.List;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.function.IntUnaryOperator;

/** Command R: both parts on one norm, pairs of neighbours turned, logits scaled. */
public final class CohereArchitecture extends ListedArchitecture {
    /** What its successor reads too. */
    static final ConfigFields FIELDS =
            RopeParameters.FIELDS
                    .honours("vocab_size", 256000, "hidden_size", 8192)
                    .honours("intermediate_size", 22528, "logit_scale", 0.0625)
                    .honours("num_hidden_layers", 40, "num_attention_heads", 64)
                    .honours("head_dim", null, "num_key_value_heads", null)
                    .honours("hidden_act", "silu", "max_position_embeddings", 8192)
                    .honours("layer_norm_eps", 1e-5, "attention_bias", false)
                    .idle("attention_dropout");

    private static final double ROPE_THETA = 500_000;

    /** The family. */
    public CohereArchitecture() {
        super(FIELDS.honours("use_qk_norm", false));
    }

    @Override
    public String modelType() {
        return "cohere";
    }

    @Override
    public String models() {
        return "Command R and R+";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        boolean normed = config.bool("use_qk_norm", false);
        return program(config, names, config.rope(ROPE_THETA), normed, layer -> true, layer -> 0);
    }

    /**
     * The program, its successor's too.
     *
     * @param normed whether heads are normed
     * @param turns whether a layer's heads turn
     * @param window how far a layer looks back, 0 for all
     */
    static ModelProgram program(
            ModelConfig config,
            Set<String> names,
            RopeParameters turning,
            boolean normed,
            IntPredicate turns,
            IntUnaryOperator window) {
        String prefix = Naming.prefix(names, "norm.weight", "model.", "");
        Trunk trunk =
                Trunk.of(
                        config,
                        "hidden_size",
                        "num_hidden_layers",
                        config.positive("max_position_embeddings"),
                        prefix,
                        Ends.of(config, names, prefix + "embed_tokens.weight", LM_HEAD, true));
        int hidden = trunk.hidden();
        RopeSpec rope = Parts.rope(config, trunk, turning).ofNeighbours();
        return trunk.program(
                trunk.tokens(),
                new HeadSpec(
                        Parts.factorNorm(prefix + "norm", hidden, epsilon(config)),
                        null,
                        trunk.logits(),
                        0,
                        (float) config.positiveNumber("logit_scale", 0.0625)),
                "layers.",
                (at, index) ->
                        layer(
                                config,
                                at,
                                hidden,
                                normed,
                                turns.test(index) ? rope : null,
                                window.applyAsInt(index)));
    }

    private static LayerSpec layer(
            ModelConfig config,
            String prefix,
            int hidden,
            boolean normed,
            RopeSpec rope,
            int window) {
        int heads = config.positive("num_attention_heads");
        int headDim = Parts.headDim(config, hidden);
        int queries = config.product("num_attention_heads and head_dim", heads, headDim);
        int kvHeads = Parts.kvHeads(config, heads, heads);
        String attention = prefix + "self_attn.";
        boolean bias = config.bool("attention_bias", false);
        return LayerSpec.plain(
                LayerSpec.Order.PARALLEL,
                Parts.factorNorm(prefix + "input_layernorm", hidden, epsilon(config)),
                AttentionSpec.plain(
                                Parts.projections(
                                        attention, hidden, queries, kvHeads * headDim, bias),
                                AttendSpec.causal(HeadsSpec.inOrder(heads, kvHeads, headDim))
                                        .withWindow(window),
                                rope,
                                Parts.linear(attention + "o_proj", queries, hidden, bias))
                        .withHeadNorms(
                                normed
                                        ? headNorms(
                                                attention,
                                                HeadsSpec.inOrder(heads, kvHeads, headDim),
                                                epsilon(config))
                                        : List.of()),
                null,
                Parts.gated(config, prefix + "mlp.", hidden));
    }

    /** A factor for each head, in one tensor. */
    private static List<AttentionSpec.HeadNorm> headNorms(
            String attention, HeadsSpec heads, double epsilon) {
        return List.of(
                new AttentionSpec.HeadNorm(
                        Parts.factorNorm(attention + "q_norm", heads.dim(), epsilon),
                        heads.queries(),
                        true),
                new AttentionSpec.HeadNorm(
                        Parts.factorNorm(attention + "k_norm", heads.dim(), epsilon),
                        heads.keys(),
                        true));
    }

    private static double epsilon(ModelConfig config) {
        return config.positiveNumber("layer_norm_eps", 1e-5);
    }

    @Override
    public boolean isBuffer(String name) {
        return name.endsWith("rotary_emb.inv_freq");
    }
}
