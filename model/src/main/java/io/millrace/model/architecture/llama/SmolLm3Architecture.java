package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.function.IntUnaryOperator;

/** SmolLM 3: LLaMA without rotary positions in every fourth layer, which may see a window alone. */
public final class SmolLm3Architecture extends ListedArchitecture {
    private static final double ROPE_THETA = 2_000_000;
    private static final Long TURNS = 1L;
    private static final Long STAYS = 0L;

    /** The family. */
    public SmolLm3Architecture() {
        super(
                LlamaBuilder.FIELDS
                        .honours("vocab_size", 128256, "hidden_size", 2048)
                        .honours("num_hidden_layers", 36, "num_attention_heads", 16)
                        .honours("num_key_value_heads", 4, "max_position_embeddings", 32768)
                        .honours("use_sliding_window", false, "sliding_window", null)
                        .honours("no_rope_layers", null, "no_rope_layer_interval", 4)
                        .honours("layer_types", null, "attention_bias", false)
                        .honours("mlp_bias", false));
    }

    @Override
    public String modelType() {
        return "smollm3";
    }

    @Override
    public String models() {
        return "SmolLM 3, with its layers without positions";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        boolean bias = config.bool("attention_bias", false);
        return new LlamaBuilder(config, names)
                .attentionBias(bias, bias)
                .mlpBias(config.bool("mlp_bias", false))
                .tiedByDefault()
                .rope(config.rope(ROPE_THETA), turns(config))
                .window(window(config))
                .build();
    }

    /** {@code no_rope_layers} has a 1 for each layer that turns, its name notwithstanding. */
    private static IntPredicate turns(ModelConfig config) {
        int layers = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
        if (!config.has("no_rope_layers")) {
            int interval = config.positive("no_rope_layer_interval");
            return layer -> (layer + 1) % interval != 0;
        }
        if (!(config.json().raw("no_rope_layers") instanceof List<?> list)
                || list.size() != layers
                || !list.stream().allMatch(turn -> TURNS.equals(turn) || STAYS.equals(turn))) {
            throw config.bad("no_rope_layers", "is no list of a 0 or a 1 for each layer");
        }
        return layer -> TURNS.equals(list.get(layer));
    }

    private static IntUnaryOperator window(ModelConfig config) {
        int layers = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
        Optional<List<String>> types = config.layerTypes(layers);
        boolean slides = config.bool("use_sliding_window", false) && config.has("sliding_window");
        if (!slides) {
            if (types.stream().anyMatch(list -> list.contains("sliding_attention"))) {
                throw config.bad(
                        "layer_types",
                        "has sliding layers without use_sliding_window and a window");
            }
            return layer -> 0;
        }
        int window = config.positive("sliding_window");
        IntPredicate turns = turns(config);
        return layer ->
                types.map(list -> list.get(layer).equals("sliding_attention"))
                                .orElse(!turns.test(layer))
                        ? window
                        : 0;
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
