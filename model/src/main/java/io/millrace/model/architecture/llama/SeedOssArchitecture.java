package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.Set;

/** Seed-OSS: LLaMA with biases on query, key and value. */
public final class SeedOssArchitecture extends ListedArchitecture {
    /** The family. */
    public SeedOssArchitecture() {
        super(
                LlamaBuilder.FIELDS
                        .honours("vocab_size", 155136, "intermediate_size", 27648)
                        .honours("num_hidden_layers", 64, "num_attention_heads", 80)
                        .honours("num_key_value_heads", 8, "head_dim", 128)
                        .honours("max_position_embeddings", 524288)
                        .honours("attention_bias", true, "attention_out_bias", false)
                        .honours("mlp_bias", false)
                        .idle("pretraining_tp", "residual_dropout"));
    }

    @Override
    public String modelType() {
        return "seed_oss";
    }

    @Override
    public String models() {
        return "Seed-OSS";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        return new LlamaBuilder(config, names)
                .attentionBias(
                        config.bool("attention_bias", true),
                        config.bool("attention_out_bias", false))
                .mlpBias(config.bool("mlp_bias", false))
                .build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
