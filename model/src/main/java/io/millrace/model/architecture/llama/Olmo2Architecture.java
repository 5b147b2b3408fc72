package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.Set;

/** OLMo 2: norms behind each part alone, and over all query and all key heads. */
public final class Olmo2Architecture implements Architecture {
    @Override
    public String modelType() {
        return "olmo2";
    }

    @Override
    public String models() {
        return "OLMo 2";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        boolean bias = config.bool("attention_bias", false);
        return new LlamaBuilder(config, names)
                .attentionBias(bias, bias)
                .normEpsilonByDefault(1e-5)
                .wideHeadNorms()
                .partNorms(LlamaBuilder.PartNorms.OLMO_2)
                .build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
