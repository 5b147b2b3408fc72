package io.millrace.model.export;

import io.millrace.model.config.ModelConfig;
import java.util.Map;

/** StarCoder 2: llama's names, with layer norms and a plain feed-forward part. */
record Starcoder2Family() implements GgufFamily {
    private static final TensorNames NAMES =
            TensorNames.ofLlama().with("mlp.c_fc", "ffn_up", "mlp.c_proj", "ffn_down");

    @Override
    public String ggml() {
        return "starcoder2";
    }

    @Override
    public TensorNames names() {
        return NAMES;
    }

    @Override
    public Map<String, Object> fields(ModelConfig config) {
        int headWidth =
                config.positive(
                        "head_dim",
                        config.positive("hidden_size") / config.positive("num_attention_heads"));
        return GgufKeys.usual(config)
                .heads(headWidth)
                .epsilon("layer_norm_epsilon", "norm_epsilon")
                .plainTurns(config.rope(10000), headWidth)
                .activation("hidden_act", GgufFamilies.GELUS)
                .withoutWindow()
                .fields();
    }
}
