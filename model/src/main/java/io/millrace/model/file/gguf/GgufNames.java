package io.millrace.model.file.gguf;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Names of Hugging Face's files for those of ggml. */
public final class GgufNames {
    private static final Pattern BLOCK =
            Pattern.compile("blk\\.(\\d+)\\.([a-z_]+)\\.(weight|bias)");

    private static final Map<String, String> ENDS =
            Map.of(
                    "token_embd.weight", "model.embed_tokens.weight",
                    "output_norm.weight", "model.norm.weight",
                    "output.weight", "lm_head.weight");

    private static final Map<String, String> PARTS =
            Map.ofEntries(
                    Map.entry("attn_q", "self_attn.q_proj"),
                    Map.entry("attn_k", "self_attn.k_proj"),
                    Map.entry("attn_v", "self_attn.v_proj"),
                    Map.entry("attn_output", "self_attn.o_proj"),
                    Map.entry("attn_q_norm", "self_attn.q_norm"),
                    Map.entry("attn_k_norm", "self_attn.k_norm"),
                    Map.entry("ffn_gate", "mlp.gate_proj"),
                    Map.entry("ffn_up", "mlp.up_proj"),
                    Map.entry("ffn_down", "mlp.down_proj"),
                    Map.entry("attn_norm", "input_layernorm"),
                    Map.entry("ffn_norm", "post_attention_layernorm"));

    private GgufNames() {}

    /** The other name, or the same where there is none. */
    public static String of(String name) {
        if (ENDS.containsKey(name)) {
            return ENDS.get(name);
        }
        Matcher block = BLOCK.matcher(name);
        return block.matches() && PARTS.containsKey(block.group(2))
                ? "model.layers."
                        + block.group(1)
                        + "."
                        + PARTS.get(block.group(2))
                        + "."
                        + block.group(3)
                : name;
    }

    /** Modules of a layer by Hugging Face's names, and what ggml calls them. */
    public static Map<String, String> parts() {
        return PARTS.entrySet().stream()
                .collect(Collectors.toMap(Map.Entry::getValue, Map.Entry::getKey));
    }

    /** Whether ggml turns the rows of a tensor of the family llama. */
    public static boolean isTurned(String name) {
        Matcher block = BLOCK.matcher(name);
        return block.matches()
                && (block.group(2).equals("attn_q") || block.group(2).equals("attn_k"));
    }
}
