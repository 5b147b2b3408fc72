package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ModelConfig;
import java.util.List;
import java.util.Optional;
import java.util.function.IntUnaryOperator;

/** Which layers of a Qwen model look back only so far. */
final class QwenWindow {
    private QwenWindow() {}

    static IntUnaryOperator of(ModelConfig config) {
        int layers = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
        Optional<List<String>> types = config.layerTypes(layers);
        boolean nulled = config.mentions("sliding_window") && !config.has("sliding_window");
        if (!config.bool("use_sliding_window", false) || nulled) {
            return layer -> 0;
        }
        int window = config.positive("sliding_window", 4096);
        int from = config.has("max_window_layers") ? firstSliding(config) : 28;
        return layer ->
                types.map(list -> list.get(layer).equals("sliding_attention")).orElse(layer >= from)
                        ? window
                        : 0;
    }

    /** May be 0, where every layer slides. */
    private static int firstSliding(ModelConfig config) {
        return config.json().raw("max_window_layers").equals(0L)
                ? 0
                : config.positive("max_window_layers");
    }
}
