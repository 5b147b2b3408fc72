package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.Set;

/** Qwen 2 and 2.5: LLaMA with biases on query, key and value. */
public final class Qwen2Architecture implements Architecture {
    @Override
    public String modelType() {
        return "qwen2";
    }

    @Override
    public String models() {
        return "Qwen 2 and 2.5, dense";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
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
