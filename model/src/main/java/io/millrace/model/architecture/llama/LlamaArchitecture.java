package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.Set;

/** LLaMA, its second and third generations, and the many models that share its layout. */
public final class LlamaArchitecture extends ListedArchitecture {
    /** The family. */
    public LlamaArchitecture() {
        super(
                LlamaBuilder.FIELDS
                        .honours("vocab_size", 32000, "attention_bias", false)
                        .honours("mlp_bias", false)
                        .idle("pretraining_tp"));
    }

    @Override
    public String modelType() {
        return "llama";
    }

    @Override
    public String models() {
        return "LLaMA 1 to 3.1 and models of the same layout";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        boolean bias = config.bool("attention_bias", false);
        return new LlamaBuilder(config, names)
                .attentionBias(bias, bias)
                .mlpBias(config.bool("mlp_bias", false))
                .build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
