package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.config.ConfigFields;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.config.RopeParameters;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.RopeSpec;
import java.util.Set;

/** GLM-4 of 2024: half of each head turns, in pairs of neighbours. */
public final class GlmArchitecture extends ListedArchitecture {
    /** What its successor reads too. */
    static final ConfigFields FIELDS =
            LlamaBuilder.FIELDS
                    .honours("vocab_size", 151552, "intermediate_size", 13696)
                    .honours("num_hidden_layers", 40, "num_key_value_heads", 2)
                    .honours("head_dim", 128, "max_position_embeddings", 131072)
                    .honours("rms_norm_eps", 1.5625e-7, "attention_bias", true);

    /** The family. */
    public GlmArchitecture() {
        super(FIELDS);
    }

    @Override
    public String modelType() {
        return "glm";
    }

    @Override
    public String models() {
        return "GLM-4 of 2024";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        return builder(config, names).build();
    }

    /** What its successor begins with too. */
    static LlamaBuilder builder(ModelConfig config, Set<String> names) {
        LlamaBuilder builder = new LlamaBuilder(config, names);
        RopeParameters rope = config.rope(10000, 0.5);
        RopeSpec turned = rope.spec(builder.headDim(), builder.positions()).ofNeighbours();
        return builder.attentionBias(config.bool("attention_bias", true), false)
                .fusedGate()
                .rope(layer -> turned);
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
