package io.millrace.model.architecture.gpt;

import io.millrace.model.architecture.ListedArchitecture;
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
import io.millrace.model.config.ConfigFields;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadsSpec;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * OPT: learned positions that begin at row 2, biases, ReLU; norms before each part, or after it
 * with an embedding of another width (350m).
 */
public final class OptArchitecture extends ListedArchitecture {
    private static final int POSITION_OFFSET = 2;
    private static final double NORM_EPSILON = 1e-5;

    /** The family. */
    public OptArchitecture() {
        super(
                ConfigFields.of("vocab_size", 50272, "hidden_size", 768)
                        .honours("num_hidden_layers", 12, "ffn_dim", 3072)
                        .honours("max_position_embeddings", 2048, "do_layer_norm_before", true)
                        .honours("_remove_final_layer_norm", false, "word_embed_proj_dim", null)
                        .honours("num_attention_heads", 12, "activation_function", "relu")
                        .honours("enable_bias", true)
                        .only("layer_norm_elementwise_affine", true)
                        .idle("dropout", "attention_dropout", "layerdrop", "init_std"));
    }

    @Override
    public String modelType() {
        return "opt";
    }

    @Override
    public String models() {
        return "OPT 125m to 175b, 350m with its projections and late norms included";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        int hidden = config.positive("hidden_size");
        int width = config.positive("word_embed_proj_dim", hidden);
        int vocab = config.positive("vocab_size");
        int layers = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
        int positions = config.positive("max_position_embeddings");
        boolean normFirst = config.bool("do_layer_norm_before", true);
        boolean finalNorm = normFirst && !config.bool("_remove_final_layer_norm", false);
        String prefix =
                Naming.prefix(names, "embed_positions.weight", "model.decoder.", "decoder.", "");
        Ends ends = Ends.of(config, names, prefix + "embed_tokens.weight", LM_HEAD, true);
        EmbeddingSpec embedding =
                new EmbeddingSpec(
                        ends.tokens(),
                        width,
                        prefix + "embed_positions.weight",
                        positions + POSITION_OFFSET,
                        POSITION_OFFSET,
                        width == hidden
                                ? null
                                : Parts.linear(prefix + "project_in", width, hidden, false),
                        1,
                        EmbeddingSpec.Finish.PLAIN);
        HeadSpec head =
                new HeadSpec(
                        finalNorm
                                ? Parts.layerNorm(prefix + "final_layer_norm", hidden, NORM_EPSILON)
                                : null,
                        width == hidden
                                ? null
                                : Parts.linear(prefix + "project_out", hidden, width, false),
                        ends.logits(width, vocab),
                        0,
                        1);
        List<LayerSpec> blocks =
                IntStream.range(0, layers)
                        .mapToObj(i -> layer(config, prefix + "layers." + i + ".", hidden))
                        .toList();
        return DecoderProgram.of(
                new DecoderSpec(modelType(), vocab, hidden, positions, embedding, blocks, head));
    }

    private static LayerSpec layer(ModelConfig config, String prefix, int hidden) {
        boolean bias = config.bool("enable_bias", true);
        int inner = config.positive("ffn_dim");
        int heads = config.positive("num_attention_heads");
        int headDim = Parts.headDim(config, "hidden_size", hidden, heads);
        String attention = prefix + "self_attn.";
        return LayerSpec.plain(
                config.bool("do_layer_norm_before", true)
                        ? LayerSpec.Order.PRE
                        : LayerSpec.Order.POST,
                Parts.layerNorm(prefix + "self_attn_layer_norm", hidden, NORM_EPSILON),
                AttentionSpec.plain(
                        Parts.projections(attention, hidden, hidden, hidden, bias),
                        AttendSpec.causal(HeadsSpec.inOrder(heads, heads, headDim)),
                        null,
                        Parts.linear(attention + "out_proj", hidden, hidden, bias)),
                Parts.layerNorm(prefix + "final_layer_norm", hidden, NORM_EPSILON),
                new MlpSpec(
                        null,
                        Parts.linear(prefix + "fc1", hidden, inner, bias),
                        Parts.linear(prefix + "fc2", inner, hidden, bias),
                        Parts.activation(config, "activation_function", "relu")));
    }

    @Override
    public boolean isBuffer(String name) {
        return name.endsWith("decoder.version");
    }
}
