package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.RopeSpec;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** SmolLM3: LLaMA with layers that turn nothing (NoPE, arXiv 2501.18795). */
public final class SmolLm3Architecture implements Architecture {
    @Override
    public String modelType() {
        return "smollm3";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        Parts.refuse(config, "use_sliding_window", true);
        boolean bias = config.bool("attention_bias", false);
        int layers = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
        LlamaBuilder builder = new LlamaBuilder(config, names);
        RopeSpec rope = config.rope(2000000, 1).spec(builder.headDim(), builder.positions());
        List<Boolean> turning = turning(config, layers);
        return builder.kvHeadsByDefault(4)
                .attentionBias(bias, bias)
                .mlpBias(config.bool("mlp_bias", false))
                .tiedByDefault()
                .rope(layer -> turning.get(layer) ? rope : null)
                .build();
    }

    /** Which layers turn heads: despite its name, {@code no_rope_layers} has 1 for those. */
    private static List<Boolean> turning(ModelConfig config, int layers) {
        int interval = config.positive("no_rope_layer_interval", 4);
        return config.flags("no_rope_layers", layers)
                .orElseGet(() ->
                        IntStream.range(0, layers)
                                .mapToObj(layer -> (layer + 1) % interval != 0)
                                .toList());
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
