package io.millrace.telemetry.json;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;

/**
 * One JSON object as it comes from a stream: nothing is kept but what the caller takes, so that a
 * file which nobody vouches for costs no more memory than its reader allows. A field that its
 * reader leaves alone is passed over.
 *
 * <p>Unlike {@link Json} it does not see that a name stands twice in an object: for that, every
 * name would have to be kept.
 */
public final class JsonStream {
    private final JsonParser parser;

    private JsonStream(JsonParser parser) {
        this.parser = parser;
    }

    /** Takes a field of an object. */
    @FunctionalInterface
    public interface Field {
        /**
         * The next field.
         *
         * @param name its name
         * @param value stands at its value, which is to be read before this returns, or not at all
         */
        void read(String name, JsonStream value);
    }

    /** Takes an element of an array. */
    @FunctionalInterface
    public interface Element {
        /** The next element, to be read before this returns, or not at all. */
        void read(JsonStream value);
    }

    /**
     * Reads a stream that holds one JSON object and nothing else but white space.
     *
     * @param utf8 the text, closed by the caller
     * @param fields takes each field
     * @throws JsonFormatException when it is anything else, or not UTF-8
     * @throws IOException when the stream cannot be read
     */
    public static void read(InputStream utf8, Field fields) throws IOException {
        InputStreamReader text =
                new InputStreamReader(
                        utf8,
                        StandardCharsets.UTF_8
                                .newDecoder()
                                .onMalformedInput(CodingErrorAction.REPORT)
                                .onUnmappableCharacter(CodingErrorAction.REPORT));
        try (JsonParser parser = Json.STREAMING.createParser(ObjectReadContext.empty(), text)) {
            if (parser.nextToken() == null) {
                throw new JsonFormatException("empty where a JSON value was expected");
            }
            new JsonStream(parser).object("the text", fields);
            if (parser.nextToken() != null) {
                throw new JsonFormatException("more text after the JSON value");
            }
        } catch (JacksonException e) {
            if (e.getCause() instanceof IOException cause) {
                throw cause;
            }
            throw ParserMessages.translated(e);
        }
    }

    /** Whether the value is an object. */
    public boolean isObject() {
        return parser.currentToken() == JsonToken.START_OBJECT;
    }

    /** Whether the value is an array. */
    public boolean isArray() {
        return parser.currentToken() == JsonToken.START_ARRAY;
    }

    /**
     * Reads the value as an object.
     *
     * @param what what a message calls it
     */
    public void object(String what, Field fields) {
        if (!isObject()) {
            throw new JsonFormatException(what + " is not an object");
        }
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = parser.currentName();
            parser.nextToken();
            fields.read(name, this);
            passOver();
        }
    }

    /**
     * Reads the value as an array.
     *
     * @param what what a message calls it
     */
    public void array(String what, Element elements) {
        if (!isArray()) {
            throw new JsonFormatException(what + " is not an array");
        }
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            elements.read(this);
            passOver();
        }
    }

    /**
     * The value, as {@link Json#parse} makes it, where it is a string, a number, a truth value or
     * null; arrays and objects are passed over.
     *
     * @return the value, or an empty list or map in the place of what was passed over
     */
    public Object scalar() {
        return switch (parser.currentToken()) {
            case START_ARRAY -> List.of();
            case START_OBJECT -> Map.of();
            default -> Json.read(parser, new Json.Allowance());
        };
    }

    /**
     * The whole value, as {@link Json#parse} makes it.
     *
     * @throws JsonFormatException when it holds more than a million values
     */
    public Object value() {
        return Json.read(parser, new Json.Allowance());
    }

    private void passOver() {
        if (isObject() || isArray()) {
            parser.skipChildren();
        }
    }
}
