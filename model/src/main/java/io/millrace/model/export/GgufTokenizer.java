package io.millrace.model.export;

import io.millrace.model.config.SideFile;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A tokenizer as ggml has it, which knows byte-level BPE by its pairs.
 *
 * @param metadata keys and values; empty where there is none that can be written
 * @param missing what a program that reads the file has to do without, and why
 */
record GgufTokenizer(Map<String, Object> metadata, List<String> missing) {
    private static final String MEND = "fetch the tokenizer again";
    private static final int MAX_BYTES = 64 << 20;
    private static final String BYTES = "ByteLevel";

    // Types of tokens.
    private static final int NORMAL = 1;
    private static final int CONTROL = 3;
    private static final int USER = 4;
    private static final int UNUSED = 5;

    /** Patterns that cut words, and what ggml calls them. */
    private static final Map<String, String> CUTS =
            Map.of(
                    words("\\p{N}"), "qwen2",
                    words("\\p{N}{1,3}"), "llama-bpe");

    private static String words(String digits) {
        return "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
                + digits
                + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    }

    private static GgufTokenizer none(String why) {
        return new GgufTokenizer(Map.of(), List.of("the tokenizer: " + why));
    }

    /**
     * Reads that of a folder.
     *
     * @param rows of the model's embedding, each of which has to have a token
     */
    static GgufTokenizer of(Path folder, int rows) {
        Path file = folder.resolve("tokenizer.json");
        if (!Files.exists(file)) {
            return none("the folder has no tokenizer.json");
        }
        try {
            JsonObject json = Json.readObject(file, MAX_BYTES);
            return of(folder, json, rows);
        } catch (IOException e) {
            return none(file + " cannot be read (" + e.getMessage() + ")");
        } catch (JsonFormatException e) {
            return none(file + ": " + e.getMessage());
        }
    }

    private static GgufTokenizer of(Path folder, JsonObject json, int rows) {
        JsonObject model = json.object("model");
        if (!model.string("type", "BPE").equals("BPE")) {
            return none("its model is " + model.string("type") + ", and BPE alone is written");
        }
        if (model.bool("byte_fallback", false) || !mentions(json.raw("decoder"), BYTES)) {
            return none("its pairs are not of bytes, and such alone are written");
        }
        Optional<String> cut = cut(json.raw("pre_tokenizer"));
        if (cut.isEmpty()) {
            return none("ggml has no name for how it cuts words");
        }
        String[] tokens = new String[rows];
        int[] types = new int[rows];
        Arrays.fill(types, UNUSED);
        for (Map.Entry<String, Object> one : model.object("vocab").fields().entrySet()) {
            place(tokens, types, one.getValue(), one.getKey(), NORMAL);
        }
        for (Object one : json.array("added_tokens")) {
            JsonObject added = JsonObject.of((Map<?, ?>) one);
            int type = added.bool("special", false) ? CONTROL : USER;
            place(tokens, types, added.raw("id"), added.string("content"), type);
        }
        for (int id = 0; id < rows; id++) {
            tokens[id] = tokens[id] == null ? "[PAD" + id + "]" : tokens[id];
        }
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("tokenizer.ggml.model", "gpt2");
        fields.put("tokenizer.ggml.pre", cut.get());
        fields.put("tokenizer.ggml.tokens", List.of(tokens));
        fields.put("tokenizer.ggml.token_type", types);
        fields.put("tokenizer.ggml.merges", merges(model.array("merges")));
        addMarks(folder, Arrays.asList(tokens), fields);
        return new GgufTokenizer(fields, List.of());
    }

    private static void place(String[] tokens, int[] types, Object id, String token, int type) {
        if (!(id instanceof Long number) || number < 0) {
            throw new JsonFormatException("token '" + token + "' has no id");
        }
        if (number < tokens.length) {
            tokens[number.intValue()] = token;
            types[number.intValue()] = type;
        }
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

    private static Optional<String> cut(Object cutter) {
        for (Map.Entry<String, String> known : CUTS.entrySet()) {
            if (mentions(cutter, known.getKey())) {
                return Optional.of(known.getValue());
            }
        }
        boolean bytesAlone =
                cutter instanceof Map<?, ?> fields
                        && BYTES.equals(fields.get("type"))
                        && !Boolean.FALSE.equals(fields.get("use_regex"));
        return bytesAlone ? Optional.of("gpt-2") : Optional.empty();
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

    private static void addMarks(Path folder, List<String> tokens, Map<String, Object> fields) {
        Path file = folder.resolve("tokenizer_config.json");
        JsonObject told = Files.exists(file) ? SideFile.read(file, MEND) : new JsonObject(Map.of());
        for (String mark : List.of("bos", "eos", "unk", "pad")) {
            Object named = told.raw(mark + "_token");
            Object content = named instanceof Map<?, ?> whole ? whole.get("content") : named;
            int id = tokens.indexOf(content);
            if (id >= 0) {
                String key = mark.equals("unk") ? "unknown" : mark.equals("pad") ? "padding" : mark;
                fields.put("tokenizer.ggml." + key + "_token_id", id);
            }
        }
        for (String mark : List.of("bos", "eos")) {
            if (told.raw("add_" + mark + "_token") instanceof Boolean adds) {
                fields.put("tokenizer.ggml.add_" + mark + "_token", adds);
            }
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
}
