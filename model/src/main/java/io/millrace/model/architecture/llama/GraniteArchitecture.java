package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.Set;

/**
 * Granite: LLaMA with a factor on the embedding, the scores, what each part adds, and the logits.
 */
public final class GraniteArchitecture extends ListedArchitecture {
    /** The family. */
    public GraniteArchitecture() {
        super(
                LlamaBuilder.FIELDS
                        .honours("vocab_size", 32000, "attention_bias", false)
                        .honours("mlp_bias", false, "embedding_multiplier", 1.0)
                        .honours("logits_scaling", 1.0, "residual_multiplier", 1.0)
                        .honours("attention_multiplier", 1.0));
    }

    @Override
    public String modelType() {
        return "granite";
    }

    @Override
    public String models() {
        return "Granite 3, dense";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        double parts = config.positiveNumber("residual_multiplier", 1);
        boolean bias = config.bool("attention_bias", false);
        boolean mlpBias = config.bool("mlp_bias", false);
        if (parts != 1 && (bias || mlpBias)) {
            throw config.bad(
                    "residual_multiplier",
                    "is " + parts + " where parts have biases, which is not supported",
                    "use a model with attention_bias and mlp_bias false");
        }
        return new LlamaBuilder(config, names)
                .attentionBias(bias, bias)
                .mlpBias(mlpBias)
                .embeddingScale((float) config.positiveNumber("embedding_multiplier", 1))
                .attentionScale(config.positiveNumber("attention_multiplier", 1))
                .scales(parts, 1 / config.positiveNumber("logits_scaling", 1))
                .build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
