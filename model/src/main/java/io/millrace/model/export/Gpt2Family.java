package io.millrace.model.export;

import io.millrace.model.config.ModelConfig;
import java.util.Map;
import java.util.regex.Pattern;

/** GPT-2: learned positions, matrices that are stored input by input. */
record Gpt2Family() implements GgufFamily {
    private static final Pattern MATRICES =
            Pattern.compile("blk\\.\\d+\\.(attn_qkv|attn_output|ffn_up|ffn_down)\\.weight");
    private static final TensorNames NAMES =
            new TensorNames(
                    Pattern.compile("(?:transformer\\.)?h\\.(\\d+)\\.(.+)"),
                    Map.of(
                            "ln_1", "attn_norm",
                            "attn.c_attn", "attn_qkv",
                            "attn.c_proj", "attn_output",
                            "ln_2", "ffn_norm",
                            "mlp.c_fc", "ffn_up",
                            "mlp.c_proj", "ffn_down"),
                    Map.of(
                            "wte", "token_embd",
                            "wpe", "position_embd",
                            "ln_f", "output_norm",
                            "lm_head", "output"));

    @Override
    public String ggml() {
        return "gpt2";
    }

    @Override
    public TensorNames names() {
        return NAMES;
    }

    @Override
    public Map<String, Object> fields(ModelConfig config) {
        if (config.bool("scale_attn_by_inverse_layer_idx", false)
                || !config.bool("scale_attn_weights", true)) {
            throw config.bad(
                    "scale_attn_weights",
                    "or scale_attn_by_inverse_layer_idx is not as ggml's family has it",
                    "export a model that scales by the width of a head alone");
        }
        return new GgufKeys(config, "n_layer", "n_positions", "n_embd", "n_head")
                .put(
                        "feed_forward_length",
                        config.positive("n_inner", 4 * config.positive("n_embd")))
                .epsilon("layer_norm_epsilon", "layer_norm_epsilon")
                .activation("activation_function", GgufFamilies.GELUS)
                .fields();
    }

    @Override
    public boolean isTurned(String name) {
        return MATRICES.matcher(name).matches();
    }
}
