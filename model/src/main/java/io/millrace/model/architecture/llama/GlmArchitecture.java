package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.RopeSpec;
import java.util.Set;

/** GLM-4 of 2024: half of each head turns, in pairs of neighbours. */
public final class GlmArchitecture implements Architecture {
    @Override
    public String modelType() {
        return "glm";
    }

    @Override
    public String models() {
        return "GLM-4 of 2024";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        return builder(config, names).build();
    }

    /** What its successor begins with too. */
    static LlamaBuilder builder(ModelConfig config, Set<String> names) {
        LlamaBuilder builder =
                new LlamaBuilder(config, names).kvHeadsByDefault(2).headDimByDefault(128);
        RopeSpec rope =
                config.rope(10000, 0.5).spec(builder.headDim(), builder.positions()).ofNeighbours();
        return builder.attentionBias(config.bool("attention_bias", true), false)
                .normEpsilonByDefault(1.5625e-7)
                .fusedGate()
                .rope(layer -> rope);
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
