package io.millrace.model.export;

import io.millrace.model.config.ModelConfig;
import io.millrace.model.config.RopeParameters;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What families say of their models under the same keys, put together step by step. */
final class GgufKeys {
    private final ModelConfig config;
    private final int longest;
    private final Map<String, Object> fields = new LinkedHashMap<>();

    /**
     * Keys that all families have, by the names of the configuration's fields: layers, longest
     * sequence, width, heads.
     */
    GgufKeys(ModelConfig config, String layers, String longest, String width, String heads) {
        this.config = config;
        this.longest = config.positive(longest);
        fields.put("block_count", config.positive(layers));
        fields.put("context_length", this.longest);
        fields.put("embedding_length", config.positive(width));
        fields.put("attention.head_count", config.positive(heads));
    }

    /** With the names that most configurations have. */
    static GgufKeys usual(ModelConfig config) {
        return new GgufKeys(
                        config,
                        "num_hidden_layers",
                        "max_position_embeddings",
                        "hidden_size",
                        "num_attention_heads")
                .put("feed_forward_length", config.positive("intermediate_size"));
    }

    /** One more. */
    GgufKeys put(String key, Object value) {
        fields.put(key, value);
        return this;
    }

    /** Heads of keys, and how wide all of them are. */
    GgufKeys heads(int width) {
        int heads = (int) fields.get("attention.head_count");
        return put("attention.head_count_kv", config.positive("num_key_value_heads", heads))
                .put("attention.key_length", width)
                .put("attention.value_length", width);
    }

    /** The number in the denominator of norms. */
    GgufKeys epsilon(String key, String field) {
        return put("attention." + key, (float) config.positiveNumberOrNone(field));
    }

    /** How pairs of numbers turn. */
    GgufKeys turns(RopeParameters rope, int dimensions) {
        put("rope.dimension_count", dimensions).put("rope.freq_base", (float) rope.theta());
        switch (rope.type()) {
            case "default", "llama3" -> {}
            case "linear" ->
                    put("rope.scaling.type", "linear")
                            .put(
                                    "rope.scaling.factor",
                                    (float) rope.scaling().positiveNumberOrNone("factor"));
            default ->
                    throw config.bad(
                            "rope_type",
                            "is '" + rope.type() + "', which is not written as GGUF",
                            "export a model with default, linear or llama3");
        }
        return this;
    }

    /** The same of a family that has no tensor for llama3's factors. */
    GgufKeys plainTurns(RopeParameters rope, int dimensions) {
        if (rope.type().equals("llama3")) {
            throw config.bad(
                    "rope_type",
                    "is 'llama3', which ggml's family does not read",
                    "export a model with default or linear");
        }
        return turns(rope, dimensions);
    }

    /** Factors of llama3's scaling. */
    static Optional<float[]> turnFactors(RopeParameters rope, int headWidth, int longest) {
        if (!rope.type().equals("llama3")) {
            return Optional.empty();
        }
        List<Float> scaled = rope.spec(headWidth, longest).inverseFrequencies();
        float[] factors = new float[scaled.size()];
        for (int i = 0; i < factors.length; i++) {
            double plain = Math.pow(rope.theta(), -2.0 * i / headWidth);
            factors[i] = (float) (plain / scaled.get(i));
        }
        return Optional.of(factors);
    }

    /** Refuses a window that ggml's family does not have. */
    GgufKeys withoutWindow() {
        boolean windowed =
                config.bool("use_sliding_window", !config.modelType().startsWith("qwen"))
                        && config.has("sliding_window")
                        && config.positive("sliding_window") < longest;
        if (windowed) {
            throw config.bad(
                    "sliding_window",
                    "is below max_position_embeddings, and ggml's family has no window",
                    "export a model without one");
        }
        return this;
    }

    /** Refuses another function between feed-forward matrices than ggml has there. */
    GgufKeys activation(String field, String... known) {
        String given = config.string(field, known[0]);
        if (!Arrays.asList(known).contains(given)) {
            throw config.bad(
                    field,
                    "is '" + given + "', and ggml's family has " + known[0] + " alone",
                    "export a model with " + String.join(" or ", known));
        }
        return this;
    }

    Map<String, Object> fields() {
        return fields;
    }
}
