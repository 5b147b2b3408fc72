package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Gemma 2: Gemma with soft caps, four norms a block, and a window in every other block. */
public final class Gemma2Architecture implements Architecture {
    @Override
    public String modelType() {
        return "gemma2";
    }

    @Override
    public String models() {
        return "Gemma 2";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        boolean bias = config.bool("attention_bias", false);
        Parts.refuse(config, "use_bidirectional_attention", true);
        int layers = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
        int window = config.positive("sliding_window", 4096);
        Optional<List<String>> types = config.layerTypes(layers);
        return new LlamaBuilder(config, names)
                .headDimByDefault(256)
                .attentionBias(bias, bias)
                .tiedByDefault()
                .normOffset(1)
                .partNorms(LlamaBuilder.PartNorms.GEMMA_2)
                .embeddingScale((float) Math.sqrt(config.positive("hidden_size")))
                .attentionScale(1 / Math.sqrt(config.positiveNumber("query_pre_attn_scalar", 256)))
                .softcaps(
                        softcap(config, "attn_logit_softcapping", 50),
                        softcap(config, "final_logit_softcapping", 30))
                .activation(Parts.activation(config, "hidden_activation", "gelu_pytorch_tanh"))
                .window(layer -> slides(types, layer) ? window : 0)
                .build();
    }

    private static boolean slides(Optional<List<String>> types, int layer) {
        return types.map(list -> list.get(layer).equals("sliding_attention"))
                .orElse(layer % 2 == 0);
    }

    /** A cap that is null caps nothing; one that is absent is the library's own. */
    private static float softcap(ModelConfig config, String field, double otherwise) {
        return config.mentions(field) && !config.has(field)
                ? 0
                : (float) config.positiveNumber(field, otherwise);
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
