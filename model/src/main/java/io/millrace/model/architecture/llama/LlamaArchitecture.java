package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.Set;

/** LLaMA, its second and third generations, and the many models that share its layout. */
public final class LlamaArchitecture implements Architecture {
    @Override
    public String modelType() {
        return "llama";
    }

    @Override
    public String models() {
        return "LLaMA 1 to 3.1 and models of the same layout";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
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
