package io.millrace.model.export;

import io.millrace.model.text.TokenizerJson;
import io.millrace.model.text.published.PublishedTokenizer;
import io.millrace.model.text.published.SentencePieceFile;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A tokenizer as ggml has it, which knows pairs of bytes and pieces of sentencepiece.
 *
 * @param metadata keys and values; empty where there is none that can be written
 * @param missing what a program that reads the file has to do without, and why
 */
record GgufTokenizer(Map<String, Object> metadata, List<String> missing) {
    private static final String TOKENIZER = "tokenizer.json";

    private static GgufTokenizer none(String why) {
        return new GgufTokenizer(Map.of(), List.of("the tokenizer: " + why));
    }

    /**
     * Reads that of a folder.
     *
     * @param rows of the model's embedding, each of which has to have a token
     */
    static GgufTokenizer of(Path folder, int rows) {
        try {
            Optional<TokenizerJson> found = TokenizerJson.of(folder);
            return found.isEmpty()
                    ? none("the folder has no " + TOKENIZER)
                    : of(folder, found.get(), rows);
        } catch (IOException e) {
            return none(folder.resolve(TOKENIZER) + " cannot be read (" + e.getMessage() + ")");
        } catch (JsonFormatException e) {
            return none(folder.resolve(TOKENIZER) + ": " + e.getMessage());
        }
    }

    private static GgufTokenizer of(Path folder, TokenizerJson found, int rows) {
        JsonObject json = found.json();
        JsonObject model = json.object("model");
        if (!model.string("type", "BPE").equals("BPE")) {
            return none("its model is " + model.string("type") + ", and BPE alone is written");
        }
        TokenTable table = new TokenTable(rows);
        Map<String, Object> fields = new LinkedHashMap<>();
        if (ScoredPieces.are(json)) {
            Optional<SentencePieceFile> file =
                    PublishedTokenizer.sentencePieceFile(folder).map(SentencePieceFile::read);
            ScoredPieces.put(json, file, table, fields);
        } else if (BytePairs.are(json)) {
            Optional<String> cut = BytePairs.cut(json);
            if (cut.isEmpty()) {
                return none("ggml has no name for how it cuts words");
            }
            BytePairs.put(json, cut.get(), table, fields);
        } else {
            return none("its pairs are neither of bytes nor of pieces with bytes beside them");
        }
        new TokenMarks(folder, found, table.texts()).put(fields);
        return new GgufTokenizer(fields, List.of());
    }
}
