package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.Set;

/** Mistral: LLaMA with a sliding window. */
public final class MistralArchitecture implements Architecture {
    @Override
    public String modelType() {
        return "mistral";
    }

    @Override
    public String models() {
        return "Mistral";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        // The library takes 4096 where the field is absent, and no window where it is null.
        int window =
                config.mentions("sliding_window") && !config.has("sliding_window")
                        ? 0
                        : config.positive("sliding_window", 4096);
        return new LlamaBuilder(config, names).kvHeadsByDefault(8).window(layer -> window).build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
