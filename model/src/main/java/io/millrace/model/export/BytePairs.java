package io.millrace.model.export;

import io.millrace.telemetry.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Pairs of bytes, as GPT-2 had them first: ggml knows how words are cut by a name. */
final class BytePairs {
    private static final String BYTES = "ByteLevel";

    /** Patterns that cut words, and what ggml calls them. */
    private static final Map<String, String> CUTS =
            Map.of(
                    words("\\p{N}"), "qwen2",
                    words("\\p{N}{1,3}"), "llama-bpe");

    private BytePairs() {}

    private static String words(String digits) {
        return "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
                + digits
                + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    }

    /** Whether a tokenizer's pairs are of bytes. */
    static boolean are(JsonObject json) {
        return !json.object("model").bool("byte_fallback", false)
                && mentions(json.raw("decoder"), BYTES);
    }

    /** ggml's name for how words are cut; empty where it has none. */
    static Optional<String> cut(JsonObject json) {
        Object cutter = json.raw("pre_tokenizer");
        for (Map.Entry<String, String> known : CUTS.entrySet()) {
            if (mentions(cutter, known.getKey())) {
                return Optional.of(known.getValue());
            }
        }
        if (isPlain(cutter)) {
            return Optional.of("gpt-2");
        }
        boolean digitsApart =
                cutter instanceof Map<?, ?> fields
                        && fields.get("pretokenizers") instanceof List<?> both
                        && both.size() == 2
                        && both.getFirst() instanceof Map<?, ?> first
                        && "Digits".equals(first.get("type"))
                        && Boolean.TRUE.equals(first.get("individual_digits"))
                        && isPlain(both.getLast());
        return digitsApart ? Optional.of("starcoder") : Optional.empty();
    }

    private static boolean isPlain(Object cutter) {
        return cutter instanceof Map<?, ?> fields
                && BYTES.equals(fields.get("type"))
                && !Boolean.TRUE.equals(fields.get("add_prefix_space"))
                && !Boolean.FALSE.equals(fields.get("use_regex"));
    }

    /** Whether a text stands anywhere in some JSON. */
    private static boolean mentions(Object json, String text) {
        return switch (json) {
            case null -> false;
            case Map<?, ?> fields ->
                    fields.values().stream().anyMatch(value -> mentions(value, text));
            case List<?> list -> list.stream().anyMatch(value -> mentions(value, text));
            default -> text.equals(json);
        };
    }

    /** What ggml is told, but for the marks. */
    static void put(JsonObject json, String cut, TokenTable table, Map<String, Object> fields) {
        JsonObject model = json.object("model");
        model.object("vocab")
                .fields()
                .forEach((token, id) -> table.put(id, token, TokenTable.Kind.NORMAL, 0));
        table.putAdded(json, 0, text -> text);
        fields.put("tokenizer.ggml.model", "gpt2");
        fields.put("tokenizer.ggml.pre", cut);
        fields.put("tokenizer.ggml.tokens", table.texts());
        fields.put("tokenizer.ggml.token_type", table.kinds());
        fields.put("tokenizer.ggml.merges", merges(model.array("merges")));
    }

    /** Pairs as one text each; a space in a part is written as its byte's letter. */
    private static List<String> merges(List<?> pairs) {
        List<String> merges = new ArrayList<>();
        for (Object pair : pairs) {
            if (pair instanceof List<?> parts) {
                merges.add(
                        String.join(
                                " ",
                                parts.stream()
                                        .map(part -> ((String) part).replace(' ', 'Ġ'))
                                        .toList()));
            } else {
                merges.add((String) pair);
            }
        }
        return merges;
    }
}
