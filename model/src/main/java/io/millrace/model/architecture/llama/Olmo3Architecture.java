package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.RopeSpec;
import java.util.Set;
import java.util.function.IntPredicate;

/** OLMo 3: OLMo 2 with layers that look back only so far, whose angles are never scaled. */
public final class Olmo3Architecture extends ListedArchitecture {
    private static final double ROPE_THETA = 500_000;
    private static final int FULL_EVERY = 4;

    /** The family. */
    public Olmo3Architecture() {
        super(
                LlamaBuilder.FIELDS
                        .honours("vocab_size", 50304, "rms_norm_eps", 1e-5)
                        .honours("attention_bias", false)
                        .honours("sliding_window", 4096, "layer_types", null));
    }

    @Override
    public String modelType() {
        return "olmo3";
    }

    @Override
    public String models() {
        return "OLMo 3";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        boolean bias = config.bool("attention_bias", false);
        int window = config.positive("sliding_window");
        IntPredicate slides = Parts.sliding(config, FULL_EVERY);
        LlamaBuilder builder = new LlamaBuilder(config, names);
        RopeSpec full =
                builder.ropeOf(LlamaBuilder.FULL, config.positiveNumber("rope_theta", ROPE_THETA));
        RopeSpec sliding = builder.ropeOf(LlamaBuilder.SLIDING, ROPE_THETA);
        return builder.attentionBias(bias, bias)
                .wideHeadNorms()
                .partNorms(LlamaBuilder.PartNorms.OLMO_2)
                .window(layer -> slides.test(layer) ? window : 0)
                .rope(layer -> slides.test(layer) ? sliding : full)
                .build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
