package io.millrace.telemetry.json;

import java.math.BigInteger;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One JSON object with typed reads. A field that is absent or {@code null} counts as missing.
 *
 * @param fields the object's fields in the file's order, as {@link Json#parse} makes them
 */
public record JsonObject(Map<String, Object> fields) {

    /** A view of a parsed map. */
    public static JsonObject of(Map<?, ?> map) {
        Map<String, Object> fields = new LinkedHashMap<>();
        map.forEach((name, value) -> fields.put(name.toString(), value));
        return new JsonObject(fields);
    }

    /** Whether the field is present and not null. */
    public boolean has(String name) {
        return fields.get(name) != null;
    }

    /** The field as it is, or null. */
    public Object raw(String name) {
        return fields.get(name);
    }

    /** A string field, or the given value where it is missing. */
    public String string(String name, String otherwise) {
        return has(name) ? string(name) : otherwise;
    }

    /** A string field that must be there. */
    public String string(String name) {
        return typed(name, String.class, "a string");
    }

    /** An integer field, or the given value where it is missing. */
    public long integer(String name, long otherwise) {
        return has(name) ? integer(name) : otherwise;
    }

    /** An integer field that must be there and fit 64 bits. */
    public long integer(String name) {
        if (fields.get(name) instanceof BigInteger) {
            throw new JsonFormatException("field '" + name + "' does not fit 64 bits");
        }
        return typed(name, Long.class, "an integer");
    }

    /** A number field, or the given value where it is missing. */
    public double number(String name, double otherwise) {
        return has(name) ? number(name) : otherwise;
    }

    /** A number field that must be there, infinite and NaN as {@link Json} writes them included. */
    public double number(String name) {
        return switch (fields.get(name)) {
            case String text when text.equals("NaN") -> Double.NaN;
            case String text when text.equals("Infinity") -> Double.POSITIVE_INFINITY;
            case String text when text.equals("-Infinity") -> Double.NEGATIVE_INFINITY;
            case null, default -> typed(name, Number.class, "a number").doubleValue();
        };
    }

    /** A boolean field, or the given value where it is missing. */
    public boolean bool(String name, boolean otherwise) {
        return has(name) ? typed(name, Boolean.class, "true or false") : otherwise;
    }

    /** An array field that must be there. */
    public List<?> array(String name) {
        return typed(name, List.class, "an array");
    }

    /** An object field that must be there. */
    public JsonObject object(String name) {
        return of(typed(name, Map.class, "an object"));
    }

    /** An object field, empty where it is missing. */
    public Optional<JsonObject> optionalObject(String name) {
        return has(name) ? Optional.of(object(name)) : Optional.empty();
    }

    private <T> T typed(String name, Class<T> type, String what) {
        Object value = fields.get(name);
        if (value == null) {
            throw new JsonFormatException("field '" + name + "' is missing");
        }
        if (!type.isInstance(value)) {
            throw new JsonFormatException("field '" + name + "' is not " + what);
        }
        return type.cast(value);
    }
}
