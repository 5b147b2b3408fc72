package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.RopeSpec;
import java.util.Set;
import java.util.function.IntPredicate;

/**
 * Gemma 3, its text part: Gemma 2 with norms on each query and key head in place of caps, and other
 * angles where a layer looks back only so far.
 */
public final class Gemma3Architecture extends ListedArchitecture {
    private static final double FAR = 1e6;
    private static final double NEAR = 1e4;

    /** The family. */
    public Gemma3Architecture() {
        super(
                Gemma2Architecture.FIELDS
                        .without("attn_logit_softcapping")
                        .idle("attn_logit_softcapping")
                        .honours("vocab_size", 262208, "max_position_embeddings", 131072)
                        .honours("final_logit_softcapping", null, "sliding_window_pattern", 6)
                        .honours("rope_local_base_freq", null));
    }

    @Override
    public String modelType() {
        return "gemma3_text";
    }

    @Override
    public String models() {
        return "Gemma 3, text alone (270m, 1b)";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        return program(config, new LlamaBuilder(config, names));
    }

    /** What the builder's names are of. */
    static ModelProgram program(ModelConfig config, LlamaBuilder builder) {
        boolean bias = config.bool("attention_bias", false);
        int window = config.positive("sliding_window");
        IntPredicate slides = Parts.sliding(config, config.positive("sliding_window_pattern"));
        RopeSpec far = builder.ropeOf(LlamaBuilder.FULL, config.positiveNumber("rope_theta", FAR));
        RopeSpec near =
                builder.ropeOf(
                        LlamaBuilder.SLIDING, config.positiveNumber("rope_local_base_freq", NEAR));
        return builder.attentionBias(bias, bias)
                .headNorms()
                .tiedByDefault()
                .normOffset(1)
                .partNorms(LlamaBuilder.PartNorms.GEMMA_2)
                .embeddingScale((float) Math.sqrt(config.positive("hidden_size")))
                .attentionScale(1 / Math.sqrt(config.positive("query_pre_attn_scalar")))
                .softcaps(0, (float) config.positiveNumberOrNone("final_logit_softcapping"))
                .activation(Parts.activation(config, "hidden_activation", "gelu_pytorch_tanh"))
                .window(layer -> slides.test(layer) ? window : 0)
                .rope(layer -> slides.test(layer) ? near : far)
                .build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
