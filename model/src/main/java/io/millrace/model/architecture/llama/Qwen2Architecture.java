package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.Set;

/** Qwen 2 and 2.5: LLaMA with biases on query, key and value. */
public final class Qwen2Architecture extends ListedArchitecture {
    /** The family. */
    public Qwen2Architecture() {
        super(QwenWindow.FIELDS.honours("vocab_size", 151936));
    }

    @Override
    public String modelType() {
        return "qwen2";
    }

    @Override
    public String models() {
        return "Qwen 2 and 2.5, dense";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        return new LlamaBuilder(config, names)
                .attentionBias(true, false)
                .window(QwenWindow.of(config))
                .build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
