package io.millrace.model.text;

import io.millrace.memory.BadInputException;
import io.millrace.model.config.SideFile;
import io.millrace.model.text.published.FastTokenizer;
import io.millrace.model.text.published.PublishedTokenizer;
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

/**
 * What a model's folder says about its tokenizer, read without the native library.
 *
 * @param special the ids with a meaning of their own
 * @param tokenizerConfig {@code tokenizer_config.json}, without fields where there is none
 * @param vocabSize one more than the largest id, empty without tokenizer files
 * @param postProcessor that of {@code tokenizer.json}, or null
 * @param published the files of older layouts
 * @param made the tokenizer that these make, where there is no {@code tokenizer.json}
 */
record TokenizerFiles(
        SpecialTokens special,
        JsonObject tokenizerConfig,
        OptionalInt vocabSize,
        Object postProcessor,
        PublishedTokenizer published,
        Optional<FastTokenizer> made) {
    static final String TOKENIZER = "tokenizer.json";

    /** The library that encodes reads it whole, too; the largest published one has 34 MB. */
    static final long MAX_TOKENIZER_BYTES = 128L << 20;

    private static final String CONFIG = "tokenizer_config.json";
    private static final String MEND = "copy the file again from the original model";

    static TokenizerFiles read(Path modelDir) {
        JsonObject config = object(modelDir.resolve("config.json"));
        JsonObject generation = object(modelDir.resolve("generation_config.json"));
        JsonObject tokenizerConfig = object(modelDir.resolve(CONFIG));
        JsonObject specialMap = object(modelDir.resolve("special_tokens_map.json"));
        Ids ids = new Ids(tokenizerConfig, specialMap, generation, config);
        Vocabulary vocabulary = new Vocabulary(ids.names());
        PublishedTokenizer published =
                new PublishedTokenizer(
                        modelDir,
                        config,
                        tokenizerConfig,
                        specialMap,
                        object(modelDir.resolve("added_tokens.json")));
        Optional<FastTokenizer> made = Optional.empty();
        Path tokenizerFile = modelDir.resolve(TOKENIZER);
        if (Files.exists(tokenizerFile)) {
            SideFile.stream(tokenizerFile, MAX_TOKENIZER_BYTES, MEND, vocabulary::take);
            vocabulary.requireSeen(tokenizerFile, MEND);
        } else {
            made = published.make();
        }
        Roles roles = new Roles(ids, vocabulary, made);
        List<Integer> stops = listed(generation, "eos_token_id");
        if (stops.isEmpty()) {
            stops = listed(config, "eos_token_id");
        }
        OptionalInt eos = roles.of("eos");
        if (stops.isEmpty() && eos.isPresent()) {
            stops = List.of(eos.getAsInt());
        }
        return new TokenizerFiles(
                new SpecialTokens(roles.of("bos"), eos, roles.of("pad"), stops),
                tokenizerConfig,
                made.isPresent() ? OptionalInt.of(made.get().vocabSize()) : vocabulary.size(),
                made.isPresent() ? made.get().postProcessor() : vocabulary.postProcessor(),
                published,
                made);
    }

    /**
     * What is put around a text. Where {@code tokenizer.json} and the configuration differ about
     * the outermost marks, the configuration is right.
     */
    PostProcessor marks(Path tokenizerJson) {
        PostProcessor marks = PostProcessor.of(tokenizerJson, postProcessor);
        if (made.isPresent()) {
            return marks;
        }
        Optional<Boolean> addBos = asked("add_bos_token");
        if (addBos.isPresent() && special.bos().isPresent()) {
            marks = marks.withLeading(special.bos().getAsInt(), addBos.get());
        }
        Optional<Boolean> addEos = asked("add_eos_token");
        if (addEos.isPresent() && special.eos().isPresent()) {
            marks = marks.withTrailing(special.eos().getAsInt(), addEos.get());
        }
        return marks;
    }

    private Optional<Boolean> asked(String field) {
        try {
            return tokenizerConfig.has(field)
                    ? Optional.of(tokenizerConfig.bool(field, false))
                    : Optional.empty();
        } catch (JsonFormatException e) {
            throw new BadInputException(
                    published.modelDir().resolve(CONFIG).toString(), e.getMessage(), MEND);
        }
    }

    /**
     * Checks that there is a vocabulary, and that the model knows all of it.
     *
     * @param embeddings rows of the model's embedding, empty where there is no model
     * @throws BadInputException when not
     */
    void requireVocabulary(Path modelDir, OptionalInt embeddings) {
        if (vocabSize.isEmpty()) {
            throw published.lack();
        }
        if (embeddings.isPresent() && vocabSize.getAsInt() > embeddings.getAsInt()) {
            throw new BadInputException(
                    modelDir.toString(),
                    "its tokenizer makes ids up to "
                            + (vocabSize.getAsInt() - 1)
                            + ", and the model's embedding has "
                            + embeddings.getAsInt()
                            + " rows",
                    "use the tokenizer files that belong to the model");
        }
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

    /** The ids of the marks, from the tokenizer itself or from what names them. */
    private record Roles(Ids ids, Vocabulary vocabulary, Optional<FastTokenizer> made) {
        OptionalInt of(String role) {
            OptionalInt known = made.map(one -> one.id(role)).orElse(OptionalInt.empty());
            return known.isPresent() ? known : ids.of(role, vocabulary);
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
