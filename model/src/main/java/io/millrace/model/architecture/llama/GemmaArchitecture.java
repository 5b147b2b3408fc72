package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.Activation;
import java.util.Set;

/** Gemma: LLaMA with scaled embeddings and norms that count from 1. */
public final class GemmaArchitecture extends ListedArchitecture {
    /** The family. */
    public GemmaArchitecture() {
        super(
                LlamaBuilder.FIELDS
                        .honours("vocab_size", 256000, "hidden_size", 3072)
                        .honours("intermediate_size", 24576, "num_hidden_layers", 28)
                        .honours("num_attention_heads", 16, "num_key_value_heads", 16)
                        .honours("head_dim", 256, "hidden_act", "gelu_pytorch_tanh")
                        .honours("max_position_embeddings", 8192, "attention_bias", false)
                        .only("use_bidirectional_attention", false));
    }

    @Override
    public String modelType() {
        return "gemma";
    }

    @Override
    public String models() {
        return "Gemma 1";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        boolean bias = config.bool("attention_bias", false);
        return new LlamaBuilder(config, names)
                .attentionBias(bias, bias)
                .tiedByDefault()
                .normOffset(1)
                .embeddingScale((float) Math.sqrt(config.positive("hidden_size")))
                .activation(activation(config))
                .build();
    }

    /** Its first configurations say gelu and mean the other one. */
    private static Activation activation(ModelConfig config) {
        Activation named = Parts.activation(config, "hidden_act", "gelu_pytorch_tanh");
        return config.string("hidden_act", "").equals("gelu") ? Activation.GELU_TANH : named;
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
