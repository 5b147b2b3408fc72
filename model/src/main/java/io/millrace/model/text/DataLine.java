package io.millrace.model.text;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;

/**
 * One line of a data file, with typed reads whose errors name file, line and field.
 *
 * @param where {@code file:line}
 * @param object what the line holds
 */
record DataLine(String where, JsonObject object) {
    // Encoding in one piece takes some 150 bytes of native memory a character.
    static final int MAX_TEXT_CHARS = 32 << 20;

    static DataLine parse(String where, String line) {
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
    String text(String field) {
        return checkedText(where, field, typed("a non-empty string", () -> object.string(field)));
    }

    /** Text that can be encoded. */
    static String checkedText(String where, String field, String text) {
        if (text.isEmpty()) {
            throw bad(where, field, "is empty", "write some text or remove the line");
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

    /** An integer field from 0 to below the limit. */
    int label(String field, int limit) {
        long value = typed("an integer", () -> object.integer(field));
        if (value < 0 || value >= limit) {
            throw bad(
                    where,
                    field,
                    "is " + value + ", and there are " + limit + " labels",
                    "use 0 to " + (limit - 1) + ", or give a label word for every label");
        }
        return (int) value;
    }

    /** An array of token ids, each below the vocabulary's size, or one other value. */
    int[] ids(String field, int vocabSize, boolean notScoredAllowed) {
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
            if (!known && !(notScoredAllowed && id == Example.NOT_SCORED)) {
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
    boolean[] mask(String field, int length) {
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
            throw bad(field, "masks every token", "remove the line");
        }
        return mask;
    }

    /** An array. */
    List<?> list(String field) {
        return typed("an array", () -> object.array(field));
    }

    /** An array of objects with a {@code role} each, in Unicode. */
    List<?> messages(String field) {
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

    BadInputException bad(String field, String what, String mend) {
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
