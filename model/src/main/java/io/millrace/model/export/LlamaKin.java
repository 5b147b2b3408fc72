package io.millrace.model.export;

import io.millrace.model.config.ModelConfig;
import io.millrace.model.config.RopeParameters;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;

/**
 * Families with RMS norms, gated feed-forward parts and heads that turn, as llama has them.
 *
 * @param ggml ggml's name
 * @param names of tensors
 * @param neighbours whether ggml turns neighbours where Hugging Face turns halves of a head
 * @param normOffset what norms add to their weights
 * @param more puts keys of the family's own, and refuses what ggml does not do
 */
record LlamaKin(
        String ggml,
        TensorNames names,
        boolean neighbours,
        float normOffset,
        BiConsumer<ModelConfig, GgufKeys> more)
        implements GgufFamily {
    static LlamaKin of(String ggml, BiConsumer<ModelConfig, GgufKeys> more) {
        return new LlamaKin(ggml, TensorNames.ofLlama(), false, 0, more);
    }

    /** One whose rows of queries and keys ggml has in another order. */
    LlamaKin turningNeighbours() {
        return new LlamaKin(ggml, names, true, normOffset, more);
    }

    LlamaKin withNames(String... partsAndNames) {
        return new LlamaKin(ggml, names.with(partsAndNames), neighbours, normOffset, more);
    }

    /** One whose norms multiply by one more than their weights. */
    LlamaKin withNormsFromOne() {
        return new LlamaKin(ggml, names, neighbours, 1, more);
    }

    private static int headWidth(ModelConfig config) {
        return config.positive(
                "head_dim",
                config.positive("hidden_size") / config.positive("num_attention_heads"));
    }

    private static RopeParameters rope(ModelConfig config) {
        return config.rope(10000);
    }

    @Override
    public Map<String, Object> fields(ModelConfig config) {
        int headWidth = headWidth(config);
        GgufKeys keys =
                GgufKeys.usual(config)
                        .heads(headWidth)
                        .epsilon("layer_norm_rms_epsilon", "rms_norm_eps");
        more.accept(
                config,
                neighbours
                        ? keys.turns(rope(config), headWidth)
                        : keys.plainTurns(rope(config), headWidth));
        return keys.fields();
    }

    @Override
    public RowOrder order(ModelConfig config, String name, long rows) {
        boolean query = name.contains(".attn_q.");
        if (!neighbours || (!query && !name.contains(".attn_k."))) {
            return RowOrder.AS_IS;
        }
        int heads = config.positive("num_attention_heads");
        int turned = query ? heads : config.positive("num_key_value_heads", heads);
        return RowOrder.neighbours(rows / turned);
    }

    @Override
    public float added(String name) {
        return name.endsWith("norm.weight") ? normOffset : 0;
    }

    @Override
    public Optional<float[]> turnFactors(ModelConfig config) {
        return GgufKeys.turnFactors(
                rope(config), headWidth(config), config.positive("max_position_embeddings"));
    }
}
