package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ConfigFields;
import io.millrace.model.config.ModelConfig;
import java.util.List;
import java.util.Optional;
import java.util.function.IntUnaryOperator;

/** Which layers of a Qwen model look back only so far. */
public final class QwenWindow {
    private static final String SLIDING = "sliding_attention";

    /** What its classes read. */
    public static final ConfigFields FIELDS =
            LlamaBuilder.FIELDS
                    .honours("intermediate_size", 22016, "num_key_value_heads", 32)
                    .honours("max_position_embeddings", 32768)
                    .honours("use_sliding_window", false, "sliding_window", 4096)
                    .honours("max_window_layers", 28, "layer_types", null);

    private QwenWindow() {}

    public static IntUnaryOperator of(ModelConfig config) {
        int layers = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
        Optional<List<String>> types = config.layerTypes(layers);
        if (!config.bool("use_sliding_window", false) || !config.has("sliding_window")) {
            requireNoneSlides(config, types);
            return layer -> 0;
        }
        int window = config.positive("sliding_window");
        int from = windowLayers(config);
        return layer ->
                types.map(list -> list.get(layer).equals(SLIDING)).orElse(layer >= from)
                        ? window
                        : 0;
    }

    /** Refuses a list that has layers slide where nothing says how far they see. */
    public static void requireNoneSlides(ModelConfig config, Optional<List<String>> types) {
        if (types.stream().anyMatch(list -> list.contains(SLIDING))) {
            throw config.bad(
                    "layer_types", "has sliding layers without use_sliding_window and a window");
        }
    }

    /** Which layer it is that slides first, or no more; may be 0. */
    public static int windowLayers(ModelConfig config) {
        return Long.valueOf(0).equals(config.json().raw("max_window_layers"))
                ? 0
                : config.positive("max_window_layers");
    }
}
