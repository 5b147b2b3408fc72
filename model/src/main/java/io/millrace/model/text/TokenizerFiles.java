package io.millrace.model.text;

import io.millrace.memory.BadInputException;
import io.millrace.model.config.SideFile;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
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

    /** The library that encodes reads it whole, too; the largest published one has 34 MB. */
    private static final long MAX_TOKENIZER_BYTES = 128L << 20;

    private static final String MEND = "copy the file again from the original model";

    static TokenizerFiles read(Path modelDir) {
        JsonObject config = object(modelDir.resolve("config.json"));
        JsonObject generation = object(modelDir.resolve("generation_config.json"));
        Path tokenizerConfigFile = modelDir.resolve("tokenizer_config.json");
        JsonObject tokenizerConfig = object(tokenizerConfigFile);
        JsonObject specialMap = object(modelDir.resolve("special_tokens_map.json"));
        Ids ids = new Ids(tokenizerConfig, specialMap, generation, config);
        Vocabulary vocabulary = new Vocabulary(ids.names());
        Path tokenizerFile = modelDir.resolve(TOKENIZER);
        if (Files.exists(tokenizerFile)) {
            SideFile.stream(tokenizerFile, MAX_TOKENIZER_BYTES, MEND, vocabulary::take);
            vocabulary.requireSeen(tokenizerFile, MEND);
        }
        List<Integer> stops = listed(generation, "eos_token_id");
        if (stops.isEmpty()) {
            stops = listed(config, "eos_token_id");
        }
        OptionalInt eos = ids.of("eos", vocabulary);
        if (stops.isEmpty() && eos.isPresent()) {
            stops = List.of(eos.getAsInt());
        }
        SpecialTokens special =
                new SpecialTokens(ids.of("bos", vocabulary), eos, ids.of("pad", vocabulary), stops);
        Optional<Boolean> addBos =
                checked(
                        tokenizerConfigFile,
                        () ->
                                tokenizerConfig.has("add_bos_token")
                                        ? Optional.of(tokenizerConfig.bool("add_bos_token", false))
                                        : Optional.empty());
        return new TokenizerFiles(special, addBos, vocabulary.size());
    }

    /** {@code eos_token_id} is one id in most folders and a list in some. */
    private static List<Integer> listed(JsonObject object, String field) {
        return switch (object.raw(field)) {
            case Long id when id >= 0 && id < Integer.MAX_VALUE -> List.of(id.intValue());
            case List<?> list -> list.stream().map(Vocabulary::id).toList();
            case null, default -> List.of();
        };
    }

    private static JsonObject object(Path file) {
        if (!Files.exists(file)) {
            return new JsonObject(Map.of());
        }
        return SideFile.read(file, MEND);
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
            JsonObject tokenizerConfig,
            JsonObject specialMap,
            JsonObject generation,
            JsonObject config) {

        /** The names whose ids the vocabulary has to tell. */
        Set<String> names() {
            Set<String> names = new HashSet<>();
            for (JsonObject roles : List.of(tokenizerConfig, specialMap)) {
                for (String role : List.of("bos", "eos", "pad")) {
                    names.add(content(roles.raw(role + "_token")));
                }
            }
            return names;
        }

        OptionalInt of(String role, Vocabulary vocabulary) {
            for (JsonObject names : List.of(tokenizerConfig, specialMap)) {
                OptionalInt id = vocabulary.find(content(names.raw(role + "_token")));
                if (id.isPresent()) {
                    return id;
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
