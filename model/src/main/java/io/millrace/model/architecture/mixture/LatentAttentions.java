package io.millrace.model.architecture.mixture;

import io.millrace.model.architecture.decoder.AttentionPart;
import io.millrace.model.architecture.decoder.LatentAttentionSpec;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ConfigFields;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.config.RopeParameters;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.LatentHeads;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RopeSpec;

/** Attention over a latent vector as a configuration asks for it. */
final class LatentAttentions {
    private static final double ROPE_THETA = 10_000;
    private static final double NORM_EPSILON = 1e-6; // whatever the other norms have

    /** What classes with such attention read. */
    static final ConfigFields FIELDS =
            ConfigFields.of("kv_lora_rank", 512, "q_lora_rank", 1536)
                    .honours("qk_rope_head_dim", 64, "qk_nope_head_dim", 128)
                    .honours("v_head_dim", 128, "attention_bias", false);

    private final ModelConfig config;
    private final int hidden;
    private final LatentHeads heads;
    private final RopeSpec rope;

    /**
     * Those of a configuration.
     *
     * @param neighbours whether a pair that turns is two neighbours
     */
    LatentAttentions(ModelConfig config, boolean neighbours) {
        this.config = config;
        hidden = config.positive("hidden_size");
        heads =
                new LatentHeads(
                        config.positive("num_attention_heads"),
                        config.positive("qk_nope_head_dim"),
                        config.positive("qk_rope_head_dim"),
                        config.positive("v_head_dim"));
        int keys = config.positive("num_key_value_heads", heads.count());
        if (keys != heads.count()) {
            throw config.bad(
                    "num_key_value_heads",
                    "is " + keys + " where each of " + heads.count() + " heads has a key");
        }
        RopeParameters parameters = config.rope(ROPE_THETA);
        int most = config.positive("max_position_embeddings");
        RopeSpec turning = parameters.spec(heads.turned(), most);
        rope = neighbours ? turning.ofNeighbours() : turning;
    }

    /** The attention of a layer. */
    AttentionPart of(String prefix) {
        boolean bias = config.bool("attention_bias", false);
        int rank = config.positive("kv_lora_rank");
        return new LatentAttentionSpec(
                queries(prefix, bias),
                new LatentAttentionSpec.Narrowed(
                        linear(prefix + "kv_a_proj_with_mqa", hidden, rank + heads.turned(), bias),
                        norm(prefix + "kv_a_layernorm", rank),
                        linear(prefix + "kv_b_proj", rank, heads.expandedWidth(), false)),
                heads,
                rope,
                AttendSpec.causal(heads.heads(), scale()),
                linear(prefix + "o_proj", heads.count() * heads.value(), hidden, bias));
    }

    private LatentAttentionSpec.Narrowed queries(String prefix, boolean bias) {
        if (!config.has("q_lora_rank")) {
            return new LatentAttentionSpec.Narrowed(
                    null, null, linear(prefix + "q_proj", hidden, heads.queryWidth(), false));
        }
        int narrow = config.positive("q_lora_rank");
        return new LatentAttentionSpec.Narrowed(
                linear(prefix + "q_a_proj", hidden, narrow, bias),
                norm(prefix + "q_a_layernorm", narrow),
                linear(prefix + "q_b_proj", narrow, heads.queryWidth(), false));
    }

    /** What YaRN does to scores beside what it does to angles. */
    private double scale() {
        double plain = 1 / Math.sqrt(heads.dim());
        double magnitude = config.rope(ROPE_THETA).magnitudeOfAll();
        return plain * magnitude * magnitude;
    }

    private static LinearSpec linear(String module, int inputs, int outputs, boolean bias) {
        return Parts.linear(module, inputs, outputs, bias);
    }

    private static NormSpec norm(String module, int width) {
        return Parts.rmsNorm(module, width, NORM_EPSILON, 0);
    }
}
