package io.millrace.model.text;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * The marks that the {@code post_processor} of a {@code tokenizer.json} puts around a text, read
 * from it: encoding some text to see what is added would mislead where a vocabulary lacks it.
 *
 * @param leading ids before the text
 * @param trailing ids behind it
 */
@SuppressWarnings("ArrayRecordComponent") // never written
record PostProcessor(int[] leading, int[] trailing) {
    private static final PostProcessor NONE = new PostProcessor(new int[0], new int[0]);

    /**
     * Reads the field's value.
     *
     * @param where the file, for messages
     * @param value null where there is no such field
     * @throws BadInputException when it does anything but add marks
     */
    static PostProcessor of(Path where, Object value) {
        try {
            return read(value);
        } catch (JsonFormatException e) {
            throw new BadInputException(
                    where.toString(),
                    "field 'post_processor': " + e.getMessage(),
                    "use a tokenizer that only adds special tokens around a text");
        }
    }

    /** The same with this mark in front of all others, or without it there. */
    PostProcessor withLeading(int mark, boolean asked) {
        boolean there = leading.length > 0 && leading[0] == mark;
        if (asked == there) {
            return this;
        }
        return new PostProcessor(
                asked
                        ? Tokenizer.concat(new int[] {mark}, leading)
                        : Arrays.copyOfRange(leading, 1, leading.length),
                trailing);
    }

    /** The same with this mark behind all others, or without it there. */
    PostProcessor withTrailing(int mark, boolean asked) {
        int last = trailing.length - 1;
        boolean there = last >= 0 && trailing[last] == mark;
        if (asked == there) {
            return this;
        }
        return new PostProcessor(
                leading,
                asked
                        ? Tokenizer.concat(trailing, new int[] {mark})
                        : Arrays.copyOf(trailing, last));
    }

    private static PostProcessor read(Object value) {
        if (value == null) {
            return NONE;
        }
        JsonObject processor = object(value);
        String type = processor.string("type");
        return switch (type) {
            case "ByteLevel" -> NONE;
            case "TemplateProcessing" -> template(processor);
            case "BertProcessing", "RobertaProcessing" ->
                    new PostProcessor(
                            pairId(processor.array("cls")), pairId(processor.array("sep")));
            case "Sequence" -> sequence(processor.array("processors"));
            default -> throw new JsonFormatException("type '" + type + "' is not known");
        };
    }

    /** Each of them sees what those before it have made. */
    private static PostProcessor sequence(List<?> processors) {
        PostProcessor all = NONE;
        for (Object one : processors) {
            PostProcessor next = read(one);
            all =
                    new PostProcessor(
                            Tokenizer.concat(next.leading, all.leading),
                            Tokenizer.concat(all.trailing, next.trailing));
        }
        return all;
    }

    private static PostProcessor template(JsonObject processor) {
        JsonObject special = processor.object("special_tokens");
        List<int[]> leading = new ArrayList<>();
        List<int[]> trailing = new ArrayList<>();
        boolean textSeen = false;
        for (Object entry : processor.array("single")) {
            JsonObject piece = object(entry);
            if (piece.has("SpecialToken")) {
                String name = piece.object("SpecialToken").string("id");
                (textSeen ? trailing : leading).add(ids(special.object(name).array("ids")));
            } else if (!textSeen && piece.object("Sequence").string("id").equals("A")) {
                textSeen = true;
            } else {
                throw new JsonFormatException("the template of one text holds it more than once");
            }
        }
        if (!textSeen) {
            throw new JsonFormatException("the template of one text leaves it out");
        }
        return new PostProcessor(
                Tokenizer.concat(leading.toArray(int[][]::new)),
                Tokenizer.concat(trailing.toArray(int[][]::new)));
    }

    /** {@code ["<s>", 0]}. */
    private static int[] pairId(List<?> pair) {
        if (pair.size() != 2) {
            throw new JsonFormatException("a mark is not a token and its id");
        }
        return ids(pair.subList(1, 2));
    }

    private static int[] ids(List<?> values) {
        return values.stream().mapToInt(Vocabulary::id).toArray();
    }

    private static JsonObject object(Object value) {
        if (value instanceof Map<?, ?> map) {
            return JsonObject.of(map);
        }
        throw new JsonFormatException("holds something that is not an object");
    }
}
