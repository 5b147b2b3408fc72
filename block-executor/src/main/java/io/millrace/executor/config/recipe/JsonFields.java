package io.millrace.executor.config.recipe;

import io.millrace.memory.BadInputException;
import io.millrace.optim.option.OptionType;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.util.List;

/** Reads a recipe in JSON: one object, or a {@code run.json} with its {@code "options"}. */
public final class JsonFields {
    private JsonFields() {}

    /** A value as a parser of JSON has it. */
    private record Value(Object json) implements FieldValue {
        @Override
        public <T> T as(OptionType<T> type) {
            return type.read().apply(json);
        }
    }

    /**
     * The fields in their order.
     *
     * @param source what the text is of, for messages
     * @throws BadInputException where it is not one object
     */
    public static List<RecipeField> read(String source, String text) {
        JsonObject object;
        try {
            JsonObject whole = Json.parseObject(text);
            object = whole.optionalObject("options").orElse(whole);
        } catch (JsonFormatException e) {
            throw new BadInputException(
                    source,
                    "is no recipe: " + e.getMessage(),
                    "write one JSON object, such as {\"lr\": 1e-6, \"steps\": 2000}, or YAML");
        }
        return object.fields().entrySet().stream()
                .map(field ->
                        new RecipeField(
                                source,
                                RecipeField.Form.JSON,
                                field.getKey(),
                                new Value(field.getValue())))
                .toList();
    }
}
