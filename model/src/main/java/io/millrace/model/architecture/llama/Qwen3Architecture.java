package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.Set;

/** Qwen 3: LLaMA with norms on each query and key head. */
public final class Qwen3Architecture implements Architecture {
    @Override
    public String modelType() {
        return "qwen3";
    }

    @Override
    public String models() {
        return "Qwen 3, dense";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        boolean bias = config.bool("attention_bias", false);
        return new LlamaBuilder(config, names)
                .headDimByDefault(128)
                .attentionBias(bias, bias)
                .headNorms()
                .window(QwenWindow.of(config))
                .build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
