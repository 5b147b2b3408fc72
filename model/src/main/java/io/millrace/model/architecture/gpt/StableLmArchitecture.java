package io.millrace.model.architecture.gpt;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.AttentionSpec;
import io.millrace.model.architecture.decoder.Ends;
import io.millrace.model.architecture.decoder.HeadSpec;
import io.millrace.model.architecture.decoder.LayerSpec;
import io.millrace.model.architecture.decoder.Naming;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.architecture.decoder.Trunk;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.config.RopeParameters;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadColumns;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.RopeSpec;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** StableLM: LLaMA with layer norms, a part of each head turned. */
public final class StableLmArchitecture extends ListedArchitecture {
    /** The family. */
    public StableLmArchitecture() {
        super(
                RopeParameters.FIELDS
                        .honours("vocab_size", 50304, "intermediate_size", 6912)
                        .honours("hidden_size", 2560, "num_hidden_layers", 32)
                        .honours("num_attention_heads", 32, "num_key_value_heads", 32)
                        .honours("hidden_act", "silu", "max_position_embeddings", 4096)
                        .honours("layer_norm_eps", 1e-5, "use_qkv_bias", false)
                        .honours("use_parallel_residual", false)
                        .honours("qk_layernorm", false)
                        .idle("hidden_dropout", "attention_dropout"));
    }

    @Override
    public String modelType() {
        return "stablelm";
    }

    @Override
    public String models() {
        return "StableLM";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        String prefix = Naming.prefix(names, "norm.weight", "model.", "");
        RopeParameters turning = config.rope(10000, 0.25);
        Trunk trunk =
                Trunk.of(
                        config,
                        "hidden_size",
                        "num_hidden_layers",
                        config.positive("max_position_embeddings"),
                        prefix,
                        Ends.of(config, names, prefix + "embed_tokens.weight", LM_HEAD, false));
        int hidden = trunk.hidden();
        RopeSpec rope = Parts.rope(config, trunk, turning);
        return trunk.program(
                trunk.tokens(),
                HeadSpec.of(
                        Parts.layerNorm(prefix + "norm", hidden, epsilon(config)), trunk.logits()),
                "layers.",
                (at, index) -> layer(config, at, hidden, rope));
    }

    private static LayerSpec layer(ModelConfig config, String prefix, int hidden, RopeSpec rope) {
        int heads = config.positive("num_attention_heads");
        int headDim = hidden / heads;
        int kvHeads = Parts.kvHeads(config, heads, heads);
        String attention = prefix + "self_attn.";
        boolean bias = config.bool("use_qkv_bias", false);
        boolean parallel = config.bool("use_parallel_residual", false);
        return LayerSpec.plain(
                parallel ? LayerSpec.Order.PARALLEL : LayerSpec.Order.PRE,
                Parts.layerNorm(prefix + "input_layernorm", hidden, epsilon(config)),
                AttentionSpec.plain(
                                Parts.projections(
                                        attention, hidden, hidden, kvHeads * headDim, bias),
                                AttendSpec.causal(HeadsSpec.inOrder(heads, kvHeads, headDim)),
                                rope,
                                Parts.linear(attention + "o_proj", hidden, hidden, false))
                        .withHeadNorms(
                                headNorms(
                                        config,
                                        attention,
                                        HeadsSpec.inOrder(heads, kvHeads, headDim))),
                parallel
                        ? null
                        : Parts.layerNorm(
                                prefix + "post_attention_layernorm", hidden, epsilon(config)),
                Parts.gated(config, prefix + "mlp.", hidden));
    }

    /** A factor for each head, in a tensor of its own. */
    private static List<AttentionSpec.HeadNorm> headNorms(
            ModelConfig config, String attention, HeadsSpec heads) {
        if (!config.bool("qk_layernorm", false)) {
            return List.of();
        }
        return Stream.concat(
                        headNorms(config, attention + "q_layernorm", heads.dim(), heads.queries()),
                        headNorms(config, attention + "k_layernorm", heads.dim(), heads.keys()))
                .toList();
    }

    private static Stream<AttentionSpec.HeadNorm> headNorms(
            ModelConfig config, String module, int dim, HeadColumns heads) {
        return IntStream.range(0, heads.count())
                .mapToObj(head ->
                        new AttentionSpec.HeadNorm(
                                Parts.factorNorm(module + ".norms." + head, dim, epsilon(config)),
                                new HeadColumns(1, heads.column(head), dim),
                                false));
    }

    private static double epsilon(ModelConfig config) {
        return config.positiveNumber("layer_norm_eps", 1e-5);
    }

    @Override
    public boolean isBuffer(String name) {
        return name.endsWith("rotary_emb.inv_freq");
    }
}
