package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.Set;

/** OLMo 2: norms behind each part alone, and over all query and all key heads. */
public final class Olmo2Architecture extends ListedArchitecture {
    /** The family. */
    public Olmo2Architecture() {
        super(
                LlamaBuilder.FIELDS
                        .honours("vocab_size", 50304, "rms_norm_eps", 1e-5)
                        .honours("attention_bias", false));
    }

    @Override
    public String modelType() {
        return "olmo2";
    }

    @Override
    public String models() {
        return "OLMo 2";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        boolean bias = config.bool("attention_bias", false);
        return new LlamaBuilder(config, names)
                .attentionBias(bias, bias)
                .wideHeadNorms()
                .partNorms(LlamaBuilder.PartNorms.OLMO_2)
                .build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
