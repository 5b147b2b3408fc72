package io.millrace.model.export;

import io.millrace.model.config.ModelConfig;
import io.millrace.model.config.RopeParameters;
import java.util.Map;
import java.util.regex.Pattern;

/** GPT-NeoX and Pythia: a share of each head turns; query, key and value lie head by head. */
record GptNeoxFamily() implements GgufFamily {
    private static final TensorNames NAMES =
            new TensorNames(
                    Pattern.compile("(?:gpt_neox\\.)?layers\\.(\\d+)\\.(.+)"),
                    Map.of(
                            "input_layernorm", "attn_norm",
                            "attention.query_key_value", "attn_qkv",
                            "attention.dense", "attn_output",
                            "post_attention_layernorm", "ffn_norm",
                            "mlp.dense_h_to_4h", "ffn_up",
                            "mlp.dense_4h_to_h", "ffn_down"),
                    Map.of(
                            "embed_in", "token_embd",
                            "final_layer_norm", "output_norm",
                            "embed_out", "output",
                            "lm_head", "output"));

    @Override
    public String ggml() {
        return "gptneox";
    }

    @Override
    public TensorNames names() {
        return NAMES;
    }

    private static int headWidth(ModelConfig config) {
        return config.positive("hidden_size") / config.positive("num_attention_heads");
    }

    @Override
    public Map<String, Object> fields(ModelConfig config) {
        RopeParameters rope = config.rope(10000, 0.25);
        return GgufKeys.usual(config)
                .epsilon("layer_norm_epsilon", "layer_norm_eps")
                .put("use_parallel_residual", config.bool("use_parallel_residual", true))
                .plainTurns(rope, (int) (headWidth(config) * rope.partial()))
                .activation("hidden_act", GgufFamilies.GELUS)
                .fields();
    }

    @Override
    public RowOrder order(ModelConfig config, String name, long rows) {
        return name.contains(".attn_qkv.")
                ? RowOrder.apart(config.positive("num_attention_heads"), headWidth(config))
                : RowOrder.AS_IS;
    }
}
