package io.millrace.model.export;

import io.millrace.memory.BadInputException;
import io.millrace.model.Checkpoint;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.config.RopeParameters;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a GGUF file says of a model's configuration, and which of the families of ggml it is.
 *
 * @param family ggml's name of it
 * @param metadata keys and values
 * @param turnFactors by how much turns of each pair are slower than by the base alone; empty where
 *     they are not
 */
record GgufFields(String family, Map<String, Object> metadata, Optional<float[]> turnFactors) {
    /** Families by Hugging Face's names; mistral is llama to ggml. */
    private static final Map<String, String> FAMILIES =
            Map.of("llama", "llama", "mistral", "llama", "qwen2", "qwen2", "qwen3", "qwen3");

    /**
     * Reads a model's configuration.
     *
     * @throws BadInputException where it is of no family, or of a kind, that is written
     */
    static GgufFields of(Checkpoint model, GgufType type) {
        ModelConfig config = model.config();
        String family = FAMILIES.get(config.modelType());
        if (family == null) {
            throw config.bad(
                    "model_type",
                    "is '" + config.modelType() + "', which is not written as GGUF",
                    "export a model of llama, mistral, qwen2 or qwen3");
        }
        int layers = config.positive("num_hidden_layers");
        int heads = config.positive("num_attention_heads");
        int width = config.positive("hidden_size");
        int headWidth = config.positive("head_dim", width / heads);
        int longest = config.positive("max_position_embeddings");
        requireNoWindow(config, longest);
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("general.architecture", family);
        fields.put("general.type", "model");
        fields.put("general.name", name(model));
        fields.put("general.file_type", type.fileType());
        fields.put("general.quantization_version", 2);
        Map<String, Object> own = new LinkedHashMap<>();
        own.put("block_count", layers);
        own.put("context_length", longest);
        own.put("embedding_length", width);
        own.put("feed_forward_length", config.positive("intermediate_size"));
        own.put("attention.head_count", heads);
        own.put("attention.head_count_kv", config.positive("num_key_value_heads", heads));
        own.put("attention.key_length", headWidth);
        own.put("attention.value_length", headWidth);
        own.put(
                "attention.layer_norm_rms_epsilon",
                (float) config.positiveNumber("rms_norm_eps", 1e-6));
        own.put("rope.dimension_count", headWidth);
        own.put("vocab_size", model.program().vocabSize());
        RopeParameters rope = config.rope(10000);
        own.put("rope.freq_base", (float) rope.theta());
        Optional<float[]> factors = turns(rope, headWidth, longest, own);
        own.forEach((key, value) -> fields.put(family + "." + key, value));
        return new GgufFields(family, fields, factors);
    }

    /** Whether ggml turns neighbours where Hugging Face turns halves of a head. */
    boolean turnsNeighbours() {
        return family.equals("llama");
    }

    private static String name(Checkpoint model) {
        return model.directory().toAbsolutePath().normalize().getFileName().toString();
    }

    private static void requireNoWindow(ModelConfig config, int longest) {
        boolean windowed =
                config.bool("use_sliding_window", config.modelType().equals("mistral"))
                        && config.has("sliding_window")
                        && config.positive("sliding_window") < longest;
        if (windowed) {
            throw config.bad(
                    "sliding_window",
                    "is below max_position_embeddings, and ggml's family has no window",
                    "export a model without one");
        }
    }

    private static Optional<float[]> turns(
            RopeParameters rope, int headWidth, int longest, Map<String, Object> own) {
        return switch (rope.type()) {
            case "default" -> {
                yield Optional.empty();
            }
            case "linear" -> {
                own.put("rope.scaling.type", "linear");
                own.put(
                        "rope.scaling.factor",
                        (float) rope.scaling().positiveNumberOrNone("factor"));
                yield Optional.empty();
            }
            case "llama3" -> {
                List<Float> scaled = rope.spec(headWidth, longest).inverseFrequencies();
                float[] factors = new float[scaled.size()];
                for (int i = 0; i < factors.length; i++) {
                    double plain = Math.pow(rope.theta(), -2.0 * i / headWidth);
                    factors[i] = (float) (plain / scaled.get(i));
                }
                yield Optional.of(factors);
            }
            default ->
                    throw rope.config()
                            .bad(
                                    "rope_type",
                                    "is '" + rope.type() + "', which is not written as GGUF",
                                    "export a model with default, linear or llama3");
        };
    }
}
