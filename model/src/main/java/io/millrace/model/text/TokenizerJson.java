package io.millrace.model.text;

import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * A folder's tokenizer as {@code tokenizer.json} has it, which files of older layouts make too.
 *
 * @param json the file's value
 * @param ids of the tokens that its class names by role, such as {@code bos}; empty where the
 *     folder has the file
 */
public record TokenizerJson(JsonObject json, Map<String, Integer> ids) {
    /** Freezes the ids. */
    public TokenizerJson {
        ids = Map.copyOf(ids);
    }

    /**
     * Reads it.
     *
     * @return empty where the folder has no tokenizer
     * @throws IOException when the file cannot be read, or is larger than any published one
     * @throws io.millrace.telemetry.json.JsonFormatException when it is none
     * @throws io.millrace.memory.BadInputException when a file of an older layout is damaged
     */
    public static Optional<TokenizerJson> of(Path modelDir) throws IOException {
        Path file = modelDir.resolve(TokenizerFiles.TOKENIZER);
        if (Files.exists(file)) {
            JsonObject json = Json.readObject(file, (int) TokenizerFiles.MAX_TOKENIZER_BYTES);
            return Optional.of(new TokenizerJson(json, Map.of()));
        }
        // Written and read, numbers are of the types that those of a file are.
        return TokenizerFiles.read(modelDir)
                .made()
                .map(made ->
                        new TokenizerJson(Json.parseObject(Json.write(made.json())), made.ids()));
    }
}
