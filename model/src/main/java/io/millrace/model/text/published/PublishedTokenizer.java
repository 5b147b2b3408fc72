package io.millrace.model.text.published;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The tokenizer files of a folder without {@code tokenizer.json}.
 *
 * @param modelDir the folder
 * @param config {@code config.json}, without fields where there is none
 * @param tokenizerConfig {@code tokenizer_config.json}, likewise
 * @param specialMap {@code special_tokens_map.json}, likewise
 * @param addedTokens {@code added_tokens.json}, likewise
 */
public record PublishedTokenizer(
        Path modelDir,
        JsonObject config,
        JsonObject tokenizerConfig,
        JsonObject specialMap,
        JsonObject addedTokens) {

    private static final List<String> SENTENCE_PIECE_FILES =
            List.of("tokenizer.model", "spiece.model", "spm.model", "sentencepiece.bpe.model");

    /** Names of a class that says nothing of how text is split. */
    private static final List<String> ANY_CLASS =
            List.of("PreTrainedTokenizerFast", "TokenizersBackend", "AutoTokenizer");

    private static final String MEND =
            "add the model's tokenizer.json (save_pretrained of its AutoTokenizer writes one), or"
                    + " give data as input_ids";

    /**
     * The fast tokenizer that the files make.
     *
     * @return empty where the folder has no such files, or none that are known; {@link #lack} says
     *     which
     * @throws BadInputException when one of them is damaged, or they do not belong together
     */
    public Optional<FastTokenizer> make() {
        Optional<TokenizerClass> type = type();
        if (type.isEmpty() || !hasFiles(type.get())) {
            return Optional.empty();
        }
        TokenizerRules rules = rules();
        try {
            return Optional.of(
                    switch (type.get().files()) {
                        case MERGES -> ofMerges(type.get(), rules);
                        case WORDS -> ofWords(type.get(), rules);
                        case SENTENCE_PIECE -> ofSentencePiece(type.get(), rules);
                    });
        } catch (JsonFormatException e) {
            throw damaged(e);
        }
    }

    /**
     * The text of each special token by the name that templates have for it, such as {@code
     * bos_token}.
     *
     * @throws BadInputException when a file holds something else in its place
     */
    public Map<String, String> tokenNames() {
        TokenizerRules rules = rules();
        Map<String, String> names = new LinkedHashMap<>();
        // A class that stands for any file names no token by itself.
        boolean ofAny =
                text(tokenizerConfig, "tokenizer_class").filter(ANY_CLASS::contains).isPresent();
        type().filter(_ -> !ofAny)
                .map(rules::namedOf)
                .orElseGet(rules::namedOfFiles)
                .forEach((role, token) -> names.put(role + "_token", token.content()));
        return names;
    }

    private TokenizerRules rules() {
        try {
            return TokenizerRules.of(tokenizerConfig, specialMap, addedTokens);
        } catch (JsonFormatException e) {
            throw damaged(e);
        }
    }

    private BadInputException damaged(JsonFormatException e) {
        return new BadInputException(
                modelDir.toString(),
                "in its tokenizer_config.json, special_tokens_map.json or added_tokens.json: "
                        + e.getMessage(),
                "copy these files again from the original model");
    }

    /** What to say to somebody who needs a tokenizer where {@link #make} gave none. */
    public BadInputException lack() {
        Optional<TokenizerClass> type = type();
        Optional<String> vocabulary = vocabularyFile();
        if (vocabulary.isEmpty()) {
            return new BadInputException(
                    modelDir.toString(), "has no tokenizer.json, and text must be encoded", MEND);
        }
        String found = vocabulary.get();
        if (type.isPresent()) {
            return new BadInputException(
                    modelDir.toString(),
                    "has a "
                            + found
                            + ", which is none of the files of its tokenizer class "
                            + className().orElse(type.get().toString()),
                    "copy all tokenizer files from one model");
        }
        return new BadInputException(
                modelDir.toString(),
                className()
                        .map(name ->
                                "its tokenizer class " + name + " is read as tokenizer.json alone")
                        .orElse(
                                "it has a "
                                        + found
                                        + ", and no file says of which tokenizer class"),
                MEND);
    }

    /** A file of any class's vocabulary. */
    private Optional<String> vocabularyFile() {
        if (hasMergeFiles()) {
            return Optional.of(MergeFiles.VOCAB);
        }
        return sentencePieceFile()
                .map(path -> path.getFileName().toString())
                .or(() -> hasWords() ? Optional.of(WordPieceParts.VOCAB) : Optional.empty());
    }

    private Optional<TokenizerClass> type() {
        return className().isPresent()
                ? TokenizerClass.named(className().get())
                : TokenizerClass.ofModelType(text(config, "model_type").orElse(""));
    }

    private Optional<String> className() {
        return Stream.of(tokenizerConfig, config)
                .flatMap(file -> text(file, "tokenizer_class").stream())
                .filter(name -> !ANY_CLASS.contains(name))
                .findFirst();
    }

    private static Optional<String> text(JsonObject file, String field) {
        return file.raw(field) instanceof String text ? Optional.of(text) : Optional.empty();
    }

    private boolean hasFiles(TokenizerClass type) {
        return switch (type.files()) {
            case MERGES -> hasMergeFiles();
            case WORDS -> hasWords();
            case SENTENCE_PIECE -> sentencePieceFile().isPresent();
        };
    }

    private boolean hasWords() {
        return Files.exists(modelDir.resolve(WordPieceParts.VOCAB));
    }

    private boolean hasMergeFiles() {
        return Files.exists(modelDir.resolve(MergeFiles.VOCAB))
                && Files.exists(modelDir.resolve(MergeFiles.MERGES));
    }

    private Optional<Path> sentencePieceFile() {
        return sentencePieceFile(modelDir);
    }

    /** The sentencepiece model of a folder, whatever its tokenizer is. */
    public static Optional<Path> sentencePieceFile(Path modelDir) {
        return SENTENCE_PIECE_FILES.stream()
                .map(modelDir::resolve)
                .filter(Files::exists)
                .findFirst();
    }

    private FastTokenizer ofMerges(TokenizerClass type, TokenizerRules rules) {
        MergeFiles files = MergeFiles.read(modelDir);
        TokenIds ids = new TokenIds(files.vocab());
        Map<String, Integer> roles = addAll(ids, rules, rules.namedOf(type), List.of());
        return fast(ByteLevelParts.of(type, files, rules, new Marks(rules, roles)), ids, roles);
    }

    private FastTokenizer ofWords(TokenizerClass type, TokenizerRules rules) {
        Map<String, Integer> vocab = WordPieceParts.vocab(modelDir);
        Map<String, AddedToken> named = rules.namedOf(type);
        TokenIds ids = new TokenIds(vocab);
        Map<String, Integer> roles = addAll(ids, rules, named, List.of());
        Marks marks = new Marks(rules, roles);
        return fast(WordPieceParts.of(modelDir, vocab, rules, named, marks), ids, roles);
    }

    private FastTokenizer ofSentencePiece(TokenizerClass type, TokenizerRules rules) {
        Path path = sentencePieceFile().orElseThrow();
        SentencePieceFile file = SentencePieceFile.read(path);
        if (file.isBytePair() == type.isUnigram()) {
            throw new BadInputException(
                    path.toString(),
                    "is a model of "
                            + (file.isBytePair() ? "byte pairs" : "unigrams")
                            + ", and the tokenizer class "
                            + className().orElse(type.toString())
                            + " takes the other kind",
                    "copy all tokenizer files from one model");
        }
        SentencePieceParts parts = new SentencePieceParts(type, file, rules);
        Map<String, AddedToken> named = rules.namedOf(type);
        TokenIds ids = new TokenIds(parts.vocab());
        Map<String, Integer> roles = addAll(ids, rules, named, parts.marks());
        return fast(parts.of(named, new Marks(rules, roles)), ids, roles);
    }

    /** In the order of transformers, which decides the ids of what is new. */
    private Map<String, Integer> addAll(
            TokenIds ids,
            TokenizerRules rules,
            Map<String, AddedToken> named,
            List<AddedToken> ofVocabulary) {
        rules.added().forEach((id, token) -> ids.add(modelDir, token, id));
        named.values().forEach(token -> ids.add(token.asSpecial()));
        rules.extra().orElse(ofVocabulary).forEach(ids::add);
        Map<String, Integer> roles = new LinkedHashMap<>();
        named.forEach((role, token) -> roles.put(role, ids.id(token.content())));
        return roles;
    }

    private static FastTokenizer fast(
            FastTokenizer.Parts parts, TokenIds ids, Map<String, Integer> roles) {
        return new FastTokenizer(parts.json(ids.json()), roles, ids.size());
    }
}
