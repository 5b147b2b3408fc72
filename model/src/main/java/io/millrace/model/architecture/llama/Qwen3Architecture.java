package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.Set;

/** Qwen 3: LLaMA with norms on each query and key head. */
public final class Qwen3Architecture extends ListedArchitecture {
    /** The family. */
    public Qwen3Architecture() {
        super(
                QwenWindow.FIELDS.honours(
                        "vocab_size", 151936, "head_dim", 128, "attention_bias", false));
    }

    @Override
    public String modelType() {
        return "qwen3";
    }

    @Override
    public String models() {
        return "Qwen 3, dense";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        boolean bias = config.bool("attention_bias", false);
        return new LlamaBuilder(config, names)
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
