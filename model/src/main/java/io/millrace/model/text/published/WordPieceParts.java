package io.millrace.model.text.published;

import static io.millrace.model.text.published.FastTokenizer.object;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Word pieces, as BERT has them: a vocabulary of a token a line, whose numbers are the ids. */
final class WordPieceParts {
    static final String VOCAB = "vocab.txt";

    private static final long MAX_BYTES = 64L << 20;
    private static final String MEND = "copy the file again from the original model";

    private WordPieceParts() {}

    /** The id of each token; of a token in two lines, the later one's. */
    static Map<String, Integer> vocab(Path modelDir) {
        Path file = modelDir.resolve(VOCAB);
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw new BadInputException(
                        file.toString(), "has more than " + MAX_BYTES + " bytes", MEND);
            }
            Map<String, Integer> vocab = new LinkedHashMap<>();
            int id = 0;
            for (String token : Files.readAllLines(file)) {
                vocab.put(token, id++);
            }
            return vocab;
        } catch (CharacterCodingException e) {
            throw new BadInputException(file.toString(), "it is not UTF-8", MEND);
        } catch (IOException e) {
            throw new BadInputException(
                    file.toString(), "it cannot be read: " + e, "check its permissions");
        }
    }

    /**
     * The parts of a tokenizer.
     *
     * @param modelDir where the vocabulary is, for messages
     * @param rules what is said of case, accents and Chinese characters
     * @throws BadInputException when the vocabulary lacks a token that every text needs
     */
    static FastTokenizer.Parts of(
            Path modelDir,
            Map<String, Integer> vocab,
            TokenizerRules rules,
            Map<String, AddedToken> named,
            Marks marks) {
        for (String role : List.of("unk", "cls", "sep")) {
            AddedToken token = named.get(role);
            if (token == null || !vocab.containsKey(token.content())) {
                throw new BadInputException(
                        modelDir.resolve(VOCAB).toString(),
                        "lacks the token '" + (token == null ? role : token.content()) + "'",
                        MEND);
            }
        }
        JsonObject config = rules.config();
        return new FastTokenizer.Parts(
                object(
                        "type",
                        "WordPiece",
                        "unk_token",
                        named.get("unk").content(),
                        "continuing_subword_prefix",
                        "##",
                        "max_input_chars_per_word",
                        100,
                        "vocab",
                        vocab),
                Optional.of(
                        object(
                                "type",
                                "BertNormalizer",
                                "clean_text",
                                true,
                                "handle_chinese_chars",
                                config.bool("tokenize_chinese_chars", true),
                                "strip_accents",
                                config.has("strip_accents")
                                        ? config.bool("strip_accents", false)
                                        : null,
                                "lowercase",
                                config.bool("do_lower_case", true))),
                object("type", "BertPreTokenizer"),
                marks.template(named, List.of("cls"), List.of("sep")),
                object("type", "WordPiece", "prefix", "##", "cleanup", true));
    }
}
