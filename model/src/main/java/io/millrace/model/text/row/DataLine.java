package io.millrace.model.text.row;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.function.Supplier;

/**
 * One row of a data file, with typed reads whose errors name file, row and field.
 *
 * @param where {@code file:line}, or the file and the number of the row
 * @param object what the row holds
 */
public record DataLine(String where, JsonObject object) {
    /** The longest text that is encoded. */
    // Encoding in one piece takes some 150 bytes of native memory a character.
    public static final int MAX_TEXT_CHARS = 32 << 20;

    /** A line of JSON. */
    public static DataLine parse(String where, String line) {
        try {
            return new DataLine(where, Json.parseObject(line));
        } catch (JsonFormatException e) {
            throw new BadInputException(
                    where,
                    "is not a JSON object (" + e.getMessage() + ")",
                    "write one object a line, like {\"text\": \"...\"}");
        }
    }

    /** A string field with something in it. */
    public String text(String field) {
        return checkedText(where, field, typed("a non-empty string", () -> object.string(field)));
    }

    /** Text that can be encoded. */
    public static String checkedText(String where, String field, String text) {
        if (text.isEmpty()) {
            throw bad(where, field, "is empty", "write some text or remove the row");
        }
        if (text.length() > MAX_TEXT_CHARS) {
            throw bad(
                    where,
                    field,
                    "has " + text.length() + " characters, more than " + MAX_TEXT_CHARS,
                    "split it into several JSON lines {\"text\": \"...\"}");
        }
        int lone = Utf16.loneSurrogate(text);
        if (lone >= 0) {
            throw bad(where, field, Utf16.LONE + " at character " + (lone + 1), Utf16.MEND);
        }
        return text;
    }

    /** A string field, which may be empty. */
    public String string(String field) {
        String text = typed("a string", () -> object.string(field));
        return text.isEmpty() ? text : checkedText(where, field, text);
    }

    /** A string field, or another text where it is missing. */
    public String string(String field, String otherwise) {
        return object.has(field) ? string(field) : otherwise;
    }

    /**
     * A label: its number, a truth value, its number as text, or its name.
     *
     * @param field that holds it
     * @param limit how many labels there are
     * @param names of the labels in their order; may be empty
     */
    public int label(String field, int limit, List<String> names) {
        Object value = object.raw(field);
        return switch (value) {
            case null -> throw bad(field, "is missing", "give the row's label");
            case Boolean truth -> inRange(field, truth ? 1 : 0, limit);
            case String name when names.contains(name) -> names.indexOf(name);
            case String text when text.strip().matches("[+-]?\\d{1,18}") ->
                    inRange(field, Long.parseLong(text.strip()), limit);
            case String name -> throw otherName(field, name, names);
            default -> inRange(field, typed("a label", () -> object.integer(field)), limit);
        };
    }

    private int inRange(String field, long value, int limit) {
        if (value < 0 || value >= limit) {
            throw bad(
                    field,
                    "is " + value + ", and there are " + limit + " labels",
                    "use 0 to " + (limit - 1) + ", or give a label word for every label");
        }
        return (int) value;
    }

    private BadInputException otherName(String field, String name, List<String> names) {
        return bad(
                field,
                "is '" + name + "', which is no label",
                names.isEmpty()
                        ? "use numbers from 0, or name the labels in their order with --label-names"
                        : "use one of " + String.join(", ", names));
    }

    /**
     * An array of token ids, each below the vocabulary's size, or one other value.
     *
     * @param notScored what else is allowed, if anything
     */
    public int[] ids(String field, int vocabSize, OptionalInt notScored) {
        boolean notScoredAllowed = notScored.isPresent();
        List<?> array = typed("an array of integers", () -> object.array(field));
        int[] ids = new int[array.size()];
        for (int i = 0; i < ids.length; i++) {
            if (!(array.get(i) instanceof Long id)) {
                throw bad(
                        where,
                        field,
                        "has " + Json.write(array.get(i)) + " at index " + i,
                        "write an array of integers");
            }
            boolean known = id >= 0 && id < vocabSize;
            if (!known && !(notScoredAllowed && id == notScored.getAsInt())) {
                throw bad(
                        where,
                        field,
                        "has id " + id + " at index " + i + ", outside the vocabulary",
                        "use ids from 0 to "
                                + (vocabSize - 1)
                                + (notScoredAllowed ? ", or -100 for not scored" : ""));
            }
            ids[i] = id.intValue();
        }
        return ids;
    }

    /** An array of 1 for what counts and 0 for what does not, of which something has to count. */
    public boolean[] mask(String field, int length) {
        List<?> array = typed("an array of 0 and 1", () -> object.array(field));
        if (array.size() != length) {
            throw bad(
                    field,
                    "has " + array.size() + " entries for " + length + " input_ids",
                    "give one for each");
        }
        boolean[] mask = new boolean[length];
        boolean any = false;
        for (int i = 0; i < length; i++) {
            Object value = Objects.requireNonNullElse(array.get(i), "null");
            mask[i] = value.equals(1L) || value.equals(true);
            any |= mask[i];
            if (!mask[i] && !value.equals(0L) && !value.equals(false)) {
                throw bad(
                        field,
                        "has " + Json.write(array.get(i)) + " at index " + i,
                        "write an array of 0 and 1");
            }
        }
        if (!any) {
            throw bad(field, "masks every token", "remove the row");
        }
        return mask;
    }

    /** An array; a text that holds one, as in a table's cell, counts too. */
    public List<?> list(String field) {
        if (object.raw(field) instanceof String text && text.stripLeading().startsWith("[")) {
            try {
                return (List<?>) Json.parse(text);
            } catch (JsonFormatException e) {
                throw bad(field, "is no JSON array (" + e.getMessage() + ")", "mend it");
            }
        }
        return typed("an array", () -> object.array(field));
    }

    /** An array of texts, at least one. */
    public List<String> texts(String field) {
        List<?> list = list(field);
        if (list.isEmpty() || !list.stream().allMatch(String.class::isInstance)) {
            throw bad(field, "is not an array of texts", "write [\"...\", \"...\"]");
        }
        return list.stream().map(one -> checkedText(where, field, (String) one)).toList();
    }

    /** A nested object with reads of its own. */
    public DataLine inner(String field) {
        return new DataLine(where, typed("an object", () -> object.object(field)));
    }

    /** An array of nested objects. */
    public List<DataLine> inners(String field) {
        List<DataLine> inners = new ArrayList<>();
        for (Object one : list(field)) {
            if (!(one instanceof Map<?, ?> map)) {
                throw bad(field, "holds something that is no object", "write [{...}, {...}]");
            }
            inners.add(new DataLine(where, JsonObject.of(map)));
        }
        return inners;
    }

    /** The same row with some fields more, or others. */
    public DataLine with(Map<String, ?> fields) {
        Map<String, Object> all = new LinkedHashMap<>(object.fields());
        all.putAll(fields);
        return new DataLine(where, new JsonObject(all));
    }

    /** Whether a field is there and not null. */
    public boolean has(String field) {
        return object.has(field);
    }

    /** An array of objects with a {@code role} each, in Unicode. */
    public List<?> messages(String field) {
        List<?> messages = list(field);
        for (int i = 0; i < messages.size(); i++) {
            if (!(messages.get(i) instanceof Map<?, ?> message)
                    || !(message.get("role") instanceof String)) {
                throw bad(
                        field,
                        "has no 'role' at index " + i,
                        "write {\"role\": \"user\", \"content\": \"...\"} and so on");
            }
        }
        checkedText(where, field, Json.write(messages));
        return messages;
    }

    /** A refusal of one of its fields. */
    public BadInputException bad(String field, String what, String mend) {
        return bad(where, field, what, mend);
    }

    private static BadInputException bad(String where, String field, String what, String mend) {
        return new BadInputException(where, "field '" + field + "' " + what, mend);
    }

    private <T> T typed(String expected, Supplier<T> read) {
        try {
            return read.get();
        } catch (JsonFormatException e) {
            throw new BadInputException(where, e.getMessage(), "make it " + expected);
        }
    }
}
