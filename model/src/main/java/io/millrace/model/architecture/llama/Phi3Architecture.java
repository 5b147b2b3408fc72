package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.config.RopeParameters;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.RopeSpec;
import java.util.Set;

/** Phi-3, 3.5 and 4: one matrix for queries, keys and values, and one for gate and up. */
public final class Phi3Architecture implements Architecture {
    private static final int NONE = -1;

    @Override
    public String modelType() {
        return "phi3";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        LlamaBuilder builder = new LlamaBuilder(config, names);
        RopeParameters rope = config.rope(10000, 1);
        int positions = rope.positions(builder.positions());
        RopeSpec same = rope.spec(builder.headDim(), builder.positions());
        int window = config.positive("sliding_window", NONE);
        return builder.normEpsilonByDefault(1e-5)
                .positions(positions)
                .fusedProjections()
                .fusedGate()
                .window(layer -> window == NONE ? 0 : window)
                .rope(layer -> same)
                .build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
