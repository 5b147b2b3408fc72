package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.Set;

/** Gemma: LLaMA with scaled embeddings and norms that count from 1. */
public final class GemmaArchitecture implements Architecture {
    @Override
    public String modelType() {
        return "gemma";
    }

    @Override
    public String models() {
        return "Gemma 1";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        boolean bias = config.bool("attention_bias", false);
        return new LlamaBuilder(config, names)
                .headDimByDefault(256)
                .attentionBias(bias, bias)
                .tiedByDefault()
                .normOffset(1)
                .embeddingScale((float) Math.sqrt(config.positive("hidden_size")))
                .activation(Parts.activation(config, "hidden_activation", "gelu_pytorch_tanh"))
                .build();
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
