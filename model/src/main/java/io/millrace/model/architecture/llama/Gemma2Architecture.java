package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ConfigFields;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Gemma 2: Gemma with soft caps, four norms a block, and a window in every other block. */
public final class Gemma2Architecture extends ListedArchitecture {
    /** What its successor reads too. */
    static final ConfigFields FIELDS =
            LlamaBuilder.FIELDS
                    .without("hidden_act")
                    .honours("vocab_size", 256000, "hidden_size", 2304)
                    .honours("intermediate_size", 9216, "num_hidden_layers", 26)
                    .honours("num_attention_heads", 8, "num_key_value_heads", 4)
                    .honours("head_dim", 256, "hidden_activation", "gelu_pytorch_tanh")
                    .honours("attention_bias", false, "query_pre_attn_scalar", 256)
                    .honours("sliding_window", 4096, "layer_types", null)
                    .only("use_bidirectional_attention", false);

    /** The family. */
    public Gemma2Architecture() {
        super(
                FIELDS.honours("max_position_embeddings", 8192)
                        .honours("final_logit_softcapping", 30.0)
                        .honours("attn_logit_softcapping", 50.0));
    }

    @Override
    public String modelType() {
        return "gemma2";
    }

    @Override
    public String models() {
        return "Gemma 2";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        boolean bias = config.bool("attention_bias", false);
        int layers = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
        int window = config.positive("sliding_window");
        Optional<List<String>> types = config.layerTypes(layers);
        return new LlamaBuilder(config, names)
                .attentionBias(bias, bias)
                .tiedByDefault()
                .normOffset(1)
                .partNorms(LlamaBuilder.PartNorms.GEMMA_2)
                .embeddingScale((float) Math.sqrt(config.positive("hidden_size")))
                .attentionScale(1 / Math.sqrt(config.positive("query_pre_attn_scalar")))
                .softcaps(
                        (float) config.positiveNumberOrNone("attn_logit_softcapping"),
                        (float) config.positiveNumberOrNone("final_logit_softcapping"))
                .activation(Parts.activation(config, "hidden_activation", "gelu_pytorch_tanh"))
                .window(layer -> slides(types, layer) ? window : 0)
                .build();
    }

    private static boolean slides(Optional<List<String>> types, int layer) {
        return types.map(list -> list.get(layer).equals("sliding_attention"))
                .orElse(layer % 2 == 0);
    }

    @Override
    public boolean isBuffer(String name) {
        return LlamaBuilder.isBuffer(name);
    }
}
