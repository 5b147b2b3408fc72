package io.millrace.model.quantized;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/**
 * What {@code quantization_config} says, or a part of it.
 *
 * @param file that has it
 * @param path of fields that leads to it, with a dot behind; empty for a file of its own
 * @param json its fields
 */
public record QuantFields(String file, String path, JsonObject json) {
    private static final String MEND = "use the config.json that was published with these weights";

    /** Whether a field is there and not {@code null}. */
    public boolean has(String field) {
        return json.has(field);
    }

    /** A string, or another where the field is missing. */
    public String text(String field, String otherwise) {
        return read(() -> json.string(field, otherwise));
    }

    /** An integer, or another where the field is missing. */
    public int integer(String field, int otherwise) {
        long value = read(() -> json.has(field) ? json.integer(field) : otherwise);
        if (value != (int) value) {
            throw bad(field, "is " + value, MEND);
        }
        return (int) value;
    }

    /** An integer under the first of some names that is there. */
    public int integerOf(List<String> names, int otherwise) {
        return names.stream()
                .filter(this::has)
                .findFirst()
                .map(name -> integer(name, otherwise))
                .orElse(otherwise);
    }

    /** A number, or another where the field is missing. */
    public double number(String field, double otherwise) {
        return read(() -> json.number(field, otherwise));
    }

    /** A truth value, or another where the field is missing. */
    public boolean bool(String field, boolean otherwise) {
        return read(() -> json.bool(field, otherwise));
    }

    /** Strings of an array; none where the field is missing. */
    public List<String> texts(String field) {
        List<String> texts = new ArrayList<>();
        if (has(field)) {
            for (Object one : read(() -> json.array(field))) {
                texts.add(String.valueOf(one));
            }
        }
        return texts;
    }

    /** Integers of an array; none where the field is missing. */
    public List<Integer> integers(String field) {
        List<Integer> integers = new ArrayList<>();
        if (has(field)) {
            for (Object one : read(() -> json.array(field))) {
                if (!(one instanceof Number number)) {
                    throw bad(field, "has " + one + " where an integer makes sense", MEND);
                }
                integers.add(number.intValue());
            }
        }
        return integers;
    }

    /** An object's fields; none where it is missing. */
    public QuantFields section(String field) {
        JsonObject fields = read(() -> json.optionalObject(field)).orElse(new JsonObject(Map.of()));
        return new QuantFields(file, path + field + ".", fields);
    }

    /**
     * Refuses fields that this project has not heard of: what they say would be ignored.
     *
     * @param known those that are honoured, and those that say how the model was made
     */
    public void requireKnown(Set<String> known) {
        for (String field : json.fields().keySet()) {
            if (has(field) && !known.contains(field)) {
                throw bad(
                        field,
                        "is " + json.raw(field) + ", which is not known",
                        "remove it if the weights mean the same without it");
            }
        }
    }

    /** Refuses a value other than these. */
    public <T> T require(String field, T value, List<T> allowed) {
        if (!allowed.contains(value)) {
            throw bad(
                    field,
                    "is " + value + ", which is not read",
                    "use a model where it is one of " + allowed);
        }
        return value;
    }

    /** The error for a field. */
    public BadInputException bad(String field, String what, String mend) {
        return new BadInputException(file, "field '" + path + field + "' " + what, mend);
    }

    private <T> T read(Supplier<T> reader) {
        try {
            return reader.get();
        } catch (JsonFormatException e) {
            throw new BadInputException(file, path + " " + e.getMessage(), MEND);
        }
    }
}
