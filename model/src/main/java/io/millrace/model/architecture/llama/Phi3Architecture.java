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
    public String models() {
        return "Phi-3, 3.5 and 4, up to the length that LongRoPE begins at";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        LlamaBuilder builder = new LlamaBuilder(config, names);
        RopeParameters rope = config.rope(10000, 1);
        int most = builder.positions();
        RopeSpec same =
                rope.isLong()
                        ? rope.shortOfLong(builder.headDim(), most)
                        : rope.spec(builder.headDim(), most);
        int window = config.positive("sliding_window", NONE);
        return builder.normEpsilonByDefault(1e-5)
                .positions(rope.isLong() ? rope.trainedFirst(most) : most)
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
