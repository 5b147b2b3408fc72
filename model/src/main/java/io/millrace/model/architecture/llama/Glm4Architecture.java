package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.Set;

/** GLM-4 of 2025: as before it, with a second norm behind each part. */
public final class Glm4Architecture extends ListedArchitecture {
    /** The family. */
    public Glm4Architecture() {
        super(GlmArchitecture.FIELDS);
    }

    @Override
    public String modelType() {
        return "glm4";
    }

    @Override
    public String models() {
        return "GLM-4 of 2025";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        return GlmArchitecture.builder(config, names)
                .partNorms(LlamaBuilder.PartNorms.GLM_4)
                .build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
