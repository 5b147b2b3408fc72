package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.config.RopeParameters;
import io.millrace.model.program.ModelProgram;
import java.util.Set;

/** Phi-3, 3.5 and 4: one matrix for queries, keys and values, and one for gate and up. */
public final class Phi3Architecture extends ListedArchitecture {
    private static final int NONE = -1;

    /** The family. */
    public Phi3Architecture() {
        super(
                LlamaBuilder.FIELDS
                        .honours("vocab_size", 32064, "hidden_size", 3072)
                        .honours("intermediate_size", 8192, "max_position_embeddings", 4096)
                        .honours("original_max_position_embeddings", 4096, "rms_norm_eps", 1e-5)
                        .honours("sliding_window", null)
                        .idle("resid_pdrop", "embd_pdrop"));
    }

    @Override
    public String modelType() {
        return "phi3";
    }

    @Override
    public String models() {
        return "Phi-3, 3.5 and 4";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        LlamaBuilder builder = new LlamaBuilder(config, names);
        int window = config.positive("sliding_window", NONE);
        return builder.rope(rope(config), layer -> true)
                .fusedProjections()
                .fusedGate()
                .window(layer -> window == NONE ? 0 : window)
                .build();
    }

    /** Its class knows one scaling, by three names. */
    private static RopeParameters rope(ModelConfig config) {
        RopeParameters rope = config.rope(10000, 1);
        return switch (rope.type()) {
            case "default", "longrope" -> rope;
            case "su", "yarn" -> rope.as("longrope");
            default ->
                    throw config.bad(
                            "rope_type",
                            "is '" + rope.type() + "', which the family does not have");
        };
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
