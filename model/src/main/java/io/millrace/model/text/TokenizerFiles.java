package io.millrace.model.text;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;

/**
 * What a model's folder says about its tokenizer, read without the native library.
 *
 * @param special the ids with a meaning of their own
 * @param addBos what {@code add_bos_token} says, empty where it is not written
 * @param vocabSize one more than the largest id of {@code tokenizer.json}, empty without that file
 */
record TokenizerFiles(SpecialTokens special, Optional<Boolean> addBos, OptionalInt vocabSize) {
    static final String TOKENIZER = "tokenizer.json";
    private static final String MEND = "copy the file again from the original model";

    static TokenizerFiles read(Path modelDir) {
        JsonObject config = object(modelDir.resolve("config.json"));
        JsonObject generation = object(modelDir.resolve("generation_config.json"));
        Path tokenizerConfigFile = modelDir.resolve("tokenizer_config.json");
        JsonObject tokenizerConfig = object(tokenizerConfigFile);
        JsonObject specialMap = object(modelDir.resolve("special_tokens_map.json"));
        Path tokenizerFile = modelDir.resolve(TOKENIZER);
        Map<String, Integer> vocabulary = Map.of();
        if (Files.exists(tokenizerFile)) {
            JsonObject tokenizer = object(tokenizerFile);
            vocabulary = checked(tokenizerFile, () -> vocabulary(tokenizer));
        }
        Ids ids = new Ids(vocabulary, tokenizerConfig, specialMap, generation, config);
        List<Integer> stops = listed(generation, "eos_token_id");
        if (stops.isEmpty()) {
            stops = listed(config, "eos_token_id");
        }
        OptionalInt eos = ids.of("eos");
        if (stops.isEmpty() && eos.isPresent()) {
            stops = List.of(eos.getAsInt());
        }
        SpecialTokens special = new SpecialTokens(ids.of("bos"), eos, ids.of("pad"), stops);
        Optional<Boolean> addBos =
                checked(
                        tokenizerConfigFile,
                        () ->
                                tokenizerConfig.has("add_bos_token")
                                        ? Optional.of(tokenizerConfig.bool("add_bos_token", false))
                                        : Optional.empty());
        int size = vocabulary.values().stream().mapToInt(id -> id + 1).max().orElse(0);
        return new TokenizerFiles(
                special, addBos, size == 0 ? OptionalInt.empty() : OptionalInt.of(size));
    }

    /** Byte-pair and word-piece vocabularies are maps, unigram ones lists of [piece, score]. */
    private static Map<String, Integer> vocabulary(JsonObject tokenizer) {
        Map<String, Integer> ids = new HashMap<>();
        Object vocab = tokenizer.object("model").raw("vocab");
        if (vocab instanceof Map<?, ?> map) {
            map.forEach((token, id) -> ids.put(token.toString(), id(id)));
        } else if (vocab instanceof List<?> list) {
            for (int id = 0; id < list.size(); id++) {
                if (!(list.get(id) instanceof List<?> entry) || entry.isEmpty()) {
                    throw new JsonFormatException("model.vocab[" + id + "] is not [piece, score]");
                }
                ids.put(String.valueOf(entry.getFirst()), id);
            }
        } else {
            throw new JsonFormatException("field 'model.vocab' is neither an object nor an array");
        }
        if (tokenizer.has("added_tokens")) {
            for (Object entry : tokenizer.array("added_tokens")) {
                if (!(entry instanceof Map<?, ?> map)) {
                    throw new JsonFormatException("field 'added_tokens' holds no objects");
                }
                JsonObject added = JsonObject.of(map);
                ids.put(added.string("content"), id(added.raw("id")));
            }
        }
        return ids;
    }

    private static int id(Object value) {
        if (value instanceof Long id && id >= 0 && id < Integer.MAX_VALUE) {
            return id.intValue();
        }
        throw new JsonFormatException("the vocabulary holds " + value + " where an id should be");
    }

    /** {@code eos_token_id} is one id in most folders and a list in some. */
    private static List<Integer> listed(JsonObject object, String field) {
        return switch (object.raw(field)) {
            case Long id when id >= 0 && id < Integer.MAX_VALUE -> List.of(id.intValue());
            case List<?> list -> list.stream().map(TokenizerFiles::id).toList();
            case null, default -> List.of();
        };
    }

    private static JsonObject object(Path file) {
        if (!Files.exists(file)) {
            return new JsonObject(Map.of());
        }
        return checked(
                file,
                () -> {
                    try {
                        return Json.parseObject(Files.readString(file));
                    } catch (IOException e) {
                        throw new BadInputException(
                                file.toString(), "cannot be read (" + e + ")", MEND);
                    }
                });
    }

    private static <T> T checked(Path file, Supplier<T> read) {
        try {
            return read.get();
        } catch (JsonFormatException e) {
            throw new BadInputException(file.toString(), e.getMessage(), MEND);
        }
    }

    /** The token's name, looked up in the vocabulary, goes before an id that a config repeats. */
    private record Ids(
            Map<String, Integer> vocabulary,
            JsonObject tokenizerConfig,
            JsonObject specialMap,
            JsonObject generation,
            JsonObject config) {

        OptionalInt of(String role) {
            for (JsonObject names : List.of(tokenizerConfig, specialMap)) {
                Integer id = vocabulary.get(content(names.raw(role + "_token")));
                if (id != null) {
                    return OptionalInt.of(id);
                }
            }
            for (JsonObject numbers : List.of(generation, config)) {
                List<Integer> ids = listed(numbers, role + "_token_id");
                if (!ids.isEmpty()) {
                    return OptionalInt.of(ids.getFirst());
                }
            }
            return OptionalInt.empty();
        }

        private static String content(Object token) {
            return switch (token) {
                case String text -> text;
                case Map<?, ?> map when map.get("content") instanceof String text -> text;
                case null, default -> "";
            };
        }
    }
}
