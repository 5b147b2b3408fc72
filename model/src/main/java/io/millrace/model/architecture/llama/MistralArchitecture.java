package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.Set;

/** Mistral: LLaMA with a sliding window. */
public final class MistralArchitecture extends ListedArchitecture {
    /** The family. */
    public MistralArchitecture() {
        super(
                LlamaBuilder.FIELDS
                        .honours("vocab_size", 32000, "intermediate_size", 14336)
                        .honours("num_key_value_heads", 8, "max_position_embeddings", 131072)
                        .honours("sliding_window", 4096));
    }

    @Override
    public String modelType() {
        return "mistral";
    }

    @Override
    public String models() {
        return "Mistral";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        int window = config.has("sliding_window") ? config.positive("sliding_window") : 0;
        return new LlamaBuilder(config, names).window(layer -> window).build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
