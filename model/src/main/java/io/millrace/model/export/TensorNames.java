package io.millrace.model.export;

import io.millrace.model.file.gguf.GgufNames;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What ggml calls the tensors of a family.
 *
 * @param layer what the name of a layer's tensor begins with, up to the layer's number
 * @param parts modules of a layer
 * @param ends modules beside the layers
 */
record TensorNames(Pattern layer, Map<String, String> parts, Map<String, String> ends) {
    private static final Pattern KIND = Pattern.compile("(.+)\\.(weight|bias)");

    TensorNames {
        parts = Map.copyOf(parts);
        ends = Map.copyOf(ends);
    }

    /** Names of llama's, which most families have. */
    static TensorNames ofLlama() {
        return new TensorNames(
                Pattern.compile("(?:model\\.)?layers\\.(\\d+)\\.(.+)"),
                GgufNames.parts(),
                Map.of(
                        "embed_tokens", "token_embd",
                        "norm", "output_norm",
                        "lm_head", "output"));
    }

    /** The same with modules of a layer that have other names, or other meanings. */
    TensorNames with(String... partsAndNames) {
        Map<String, String> other = new LinkedHashMap<>(parts);
        for (int i = 0; i < partsAndNames.length; i += 2) {
            other.put(partsAndNames[i], partsAndNames[i + 1]);
        }
        return new TensorNames(layer, other, ends);
    }

    /** The name of a tensor; empty where ggml has none. */
    Optional<String> ggml(String tensor) {
        Matcher kind = KIND.matcher(tensor);
        if (!kind.matches()) {
            return Optional.empty();
        }
        String module = kind.group(1);
        Matcher within = layer.matcher(module);
        Optional<String> name =
                within.matches()
                        ? Optional.ofNullable(parts.get(within.group(2)))
                                .map(part -> "blk." + within.group(1) + "." + part)
                        : Optional.ofNullable(ends.get(module.replaceFirst("^[a-z_]+\\.", "")))
                                .or(() -> Optional.ofNullable(ends.get(module)));
        return name.map(one -> one + "." + kind.group(2));
    }
}
