package io.millrace.model.architecture.gpt;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.Set;
import java.util.function.IntPredicate;

/** Command R7B and Command A: Command R whose layers turn and look back so far, or do neither. */
public final class Cohere2Architecture extends ListedArchitecture {
    private static final double ROPE_THETA = 10_000;
    private static final int FULL_EVERY = 4;

    /** The family. */
    public Cohere2Architecture() {
        super(
                CohereArchitecture.FIELDS
                        .honours("sliding_window", 4096, "layer_types", null)
                        .honours("sliding_window_pattern", FULL_EVERY));
    }

    @Override
    public String modelType() {
        return "cohere2";
    }

    @Override
    public String models() {
        return "Command R7B and Command A";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        IntPredicate slides = Parts.sliding(config, config.positive("sliding_window_pattern"));
        int window = config.positive("sliding_window");
        return CohereArchitecture.program(
                config,
                names,
                config.rope(ROPE_THETA),
                false,
                slides,
                layer -> slides.test(layer) ? window : 0);
    }

    @Override
    public boolean isBuffer(String name) {
        return name.endsWith("rotary_emb.inv_freq");
    }
}
