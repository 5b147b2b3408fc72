package io.millrace.model.export;

import io.millrace.model.config.SideFile;
import io.millrace.model.text.TokenizerJson;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** Which tokens are marks, which of them are put around a text, and how a conversation looks. */
final class TokenMarks {
    private static final String MEND = "fetch the tokenizer again";
    private static final Map<String, String> KEYS =
            Map.of("bos", "bos", "eos", "eos", "unk", "unknown", "pad", "padding");

    private final Path folder;
    private final TokenizerJson tokenizer;
    private final List<String> tokens;
    private final JsonObject told;

    /**
     * Marks of a folder's tokenizer.
     *
     * @param tokens by their ids
     */
    TokenMarks(Path folder, TokenizerJson tokenizer, List<String> tokens) {
        this.folder = folder;
        this.tokenizer = tokenizer;
        this.tokens = tokens;
        Path file = folder.resolve("tokenizer_config.json");
        told = Files.exists(file) ? SideFile.read(file, MEND) : new JsonObject(Map.of());
    }

    /** Puts them under ggml's keys. */
    void put(Map<String, Object> fields) {
        for (String mark : List.of("bos", "eos", "unk", "pad")) {
            OptionalInt id = id(mark);
            if (id.isPresent()) {
                fields.put("tokenizer.ggml." + KEYS.get(mark) + "_token_id", id.getAsInt());
            }
        }
        // Said in any case: what a program does where nothing is said differs by tokenizer.
        for (String mark : List.of("bos", "eos")) {
            fields.put("tokenizer.ggml.add_" + mark + "_token", isAdded(mark));
        }
        Path template = folder.resolve("chat_template.jinja");
        try {
            if (told.raw("chat_template") instanceof String text) {
                fields.put("tokenizer.chat_template", text);
            } else if (Files.exists(template)) {
                fields.put("tokenizer.chat_template", Files.readString(template));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(template.toString(), e);
        }
    }

    private OptionalInt id(String mark) {
        Object named = told.raw(mark + "_token");
        Object content = named instanceof Map<?, ?> whole ? whole.get("content") : named;
        int at = content instanceof String text ? tokens.indexOf(text) : -1;
        if (at >= 0) {
            return OptionalInt.of(at);
        }
        Integer ofClass = tokenizer.ids().get(mark);
        return ofClass == null ? OptionalInt.empty() : OptionalInt.of(ofClass);
    }

    private boolean isAdded(String mark) {
        if (told.raw("add_" + mark + "_token") instanceof Boolean adds) {
            return adds;
        }
        OptionalInt id = id(mark);
        return id.isPresent()
                && isAround(
                        tokenizer.json().raw("post_processor"),
                        tokens.get(id.getAsInt()),
                        mark.equals("bos"));
    }

    /** Whether a template has a token at its begin, or at its end. */
    private static boolean isAround(Object processor, String token, boolean first) {
        if (!(processor instanceof Map<?, ?> fields)) {
            return false;
        }
        if (fields.get("processors") instanceof List<?> several) {
            return several.stream().anyMatch(one -> isAround(one, token, first));
        }
        return fields.get("single") instanceof List<?> parts
                && !parts.isEmpty()
                && (first ? parts.getFirst() : parts.getLast()) instanceof Map<?, ?> part
                && part.get("SpecialToken") instanceof Map<?, ?> mark
                && token.equals(mark.get("id"));
    }
}
