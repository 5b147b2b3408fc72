package io.millrace.optim.participation;

import io.millrace.memory.BadInputException;
import io.millrace.optim.option.OptionType;
import io.millrace.optim.option.OptionTypes;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/**
 * A weight for each layer: numbers, or the name of a JSON file that has them as {@code
 * block_weights}. What is recorded of a run are the numbers.
 */
public final class LayerWeights {
    /** What a file has them as. */
    public static final String FIELD = "block_weights";

    static final OptionType<List<Double>> TYPE =
            new OptionType<>(
                    OptionTypes.NUMBERS.form(),
                    words -> isFile(words) ? read(Path.of(words.getFirst())) : numbers(words),
                    json ->
                            json instanceof String word && isFile(List.of(word))
                                    ? read(Path.of(word))
                                    : OptionTypes.NUMBERS.read().apply(json),
                    OptionTypes.NUMBERS.json());

    private static final String SUFFIX = ".json";
    private static final long MOST_BYTES = 1 << 20;

    private LayerWeights() {}

    private static boolean isFile(List<String> words) {
        return words.size() == 1 && words.getFirst().endsWith(SUFFIX);
    }

    private static List<Double> numbers(List<String> words) {
        return OptionTypes.NUMBERS.parse().apply(words);
    }

    private static List<Double> read(Path file) {
        try {
            if (Files.size(file) > MOST_BYTES) {
                throw refused(file, "is larger than any list of layers");
            }
            JsonObject fields = Json.parseObject(Files.readString(file));
            return OptionTypes.NUMBERS.read().apply(fields.array(FIELD));
        } catch (NoSuchFileException e) {
            throw refused(file, "is not there");
        } catch (IOException e) {
            throw refused(file, "cannot be read (" + e.getMessage() + ")");
        } catch (JsonFormatException | IllegalArgumentException e) {
            throw refused(file, "has no list of numbers as " + FIELD + " (" + e.getMessage() + ")");
        }
    }

    private static BadInputException refused(Path file, String what) {
        return new BadInputException(
                file.toString(), what, "give a file that 'millrace outliers' wrote, or numbers");
    }
}
