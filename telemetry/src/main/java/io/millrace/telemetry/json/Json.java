package io.millrace.telemetry.json;

import java.io.IOException;
import java.io.InputStream;
import java.io.StringWriter;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.PrettyPrinter;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.DefaultPrettyPrinter;

/**
 * Reads and writes JSON as plain values: {@code Map<String, Object>} in the file's order, {@code
 * List<Object>}, {@code String}, {@code Long} (or {@code BigInteger}), {@code Double}, {@code
 * Boolean} and {@code null}. Doubles are written in the shortest form that reads back to the same
 * bits. JSON has no infinities and no NaN: they are written as the strings {@code "Infinity"},
 * {@code "-Infinity"} and {@code "NaN"}, which {@link JsonObject#number(String)} reads as numbers.
 */
public final class Json {
    /**
     * Values of one text, those in arrays and objects counted. Each takes up to 250 bytes of heap,
     * from as little as two bytes of text: without a limit a file of a few MB could exhaust it. A
     * row of half a million tokens with labels is below.
     */
    static final int MAX_VALUES = 1 << 20;

    // Texts of data and of tokenizers are far above Jackson's default for strings.
    private static final JsonFactory FACTORY =
            JsonFactory.builder()
                    .streamReadConstraints(
                            StreamReadConstraints.builder()
                                    .maxStringLength(Integer.MAX_VALUE)
                                    .maxNestingDepth(200)
                                    .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build();

    /** For {@link JsonStream}, which keeps no names: neither to compare them nor to share them. */
    static final JsonFactory STREAMING =
            JsonFactory.builder()
                    .streamReadConstraints(
                            StreamReadConstraints.builder()
                                    .maxStringLength(8 << 20)
                                    .maxNestingDepth(200)
                                    .build())
                    .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
                    .build();

    private static final ObjectWriteContext PRETTY =
            new ObjectWriteContext.Base() {
                @Override
                public PrettyPrinter getPrettyPrinter() {
                    return new DefaultPrettyPrinter();
                }
            };

    private Json() {}

    /** How many values may still be made of a text. */
    static final class Allowance {
        private int left = MAX_VALUES;

        void take() {
            left--;
            if (left < 0) {
                throw new JsonFormatException(
                        "more than " + MAX_VALUES + " values where no more are read");
            }
        }
    }

    /**
     * Parses one JSON value; anything but white space after it is an error.
     *
     * @throws JsonFormatException when the text is not one JSON value, or holds more than a million
     */
    public static Object parse(String text) {
        try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), text)) {
            if (parser.nextToken() == null) {
                throw new JsonFormatException("empty where a JSON value was expected");
            }
            Object value = read(parser, new Allowance());
            if (parser.nextToken() != null) {
                throw new JsonFormatException("more text after the JSON value");
            }
            return value;
        } catch (JacksonException e) {
            throw ParserMessages.translated(e);
        }
    }

    /**
     * Parses one JSON object.
     *
     * @throws JsonFormatException when the text is not one JSON object
     */
    public static JsonObject parseObject(String text) {
        if (parse(text) instanceof Map<?, ?> map) {
            return JsonObject.of(map);
        }
        throw new JsonFormatException("not a JSON object");
    }

    /**
     * Reads a file, or a pipe, that holds one JSON object.
     *
     * @param file what is read
     * @param maxBytes the most that a file of this kind has; no more than that is held
     * @throws JsonFormatException when it has more, or is not one JSON object in UTF-8
     * @throws IOException when it cannot be read
     */
    public static JsonObject readObject(Path file, int maxBytes) throws IOException {
        byte[] bytes;
        try (InputStream in = Files.newInputStream(file)) {
            bytes = in.readNBytes(maxBytes + 1);
        }
        if (bytes.length > maxBytes) {
            throw new JsonFormatException(
                    "more than " + maxBytes + " bytes, the most that is read of such a file");
        }
        try {
            return parseObject(
                    StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
        } catch (CharacterCodingException e) {
            throw new JsonFormatException("not UTF-8");
        }
    }

    /** Writes a value on one line, without white space after the last character. */
    public static String write(Object value) {
        return write(value, ObjectWriteContext.empty());
    }

    /** Writes a value over several indented lines, for files that people read. */
    public static String writePretty(Object value) {
        return write(value, PRETTY) + "\n";
    }

    private static String write(Object value, ObjectWriteContext context) {
        StringWriter out = new StringWriter();
        try (JsonGenerator generator = FACTORY.createGenerator(context, out)) {
            write(generator, value);
        }
        return out.toString();
    }

    static Object read(JsonParser parser, Allowance allowance) {
        allowance.take();
        return switch (parser.currentToken()) {
            case START_OBJECT -> readObject(parser, allowance);
            case START_ARRAY -> readArray(parser, allowance);
            case VALUE_STRING -> parser.getString();
            case VALUE_NUMBER_INT -> readInteger(parser);
            case VALUE_NUMBER_FLOAT -> readDouble(parser);
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NULL -> null;
            case NOT_AVAILABLE, END_OBJECT, END_ARRAY, PROPERTY_NAME, VALUE_EMBEDDED_OBJECT ->
                    throw new JsonFormatException("unexpected " + parser.currentToken());
        };
    }

    private static Object readInteger(JsonParser parser) {
        return switch (parser.getNumberType()) {
            case INT, LONG -> parser.getLongValue();
            case BIG_INTEGER, FLOAT, DOUBLE, BIG_DECIMAL -> parser.getBigIntegerValue();
        };
    }

    private static double readDouble(JsonParser parser) {
        double value = parser.getDoubleValue();
        if (Double.isInfinite(value)) {
            throw new JsonFormatException("number " + parser.getString() + " is out of range");
        }
        return value;
    }

    private static Map<String, Object> readObject(JsonParser parser, Allowance allowance) {
        Map<String, Object> map = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = parser.currentName();
            parser.nextToken();
            map.put(name, read(parser, allowance));
        }
        return map;
    }

    private static List<Object> readArray(JsonParser parser, Allowance allowance) {
        List<Object> list = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            list.add(read(parser, allowance));
        }
        return list;
    }

    private static void write(JsonGenerator generator, Object value) {
        switch (value) {
            case null -> generator.writeNull();
            case JsonObject object -> write(generator, object.fields());
            case Map<?, ?> map -> {
                generator.writeStartObject();
                map.forEach((name, field) -> {
                    generator.writeName(name.toString());
                    write(generator, field);
                });
                generator.writeEndObject();
            }
            case Iterable<?> list -> {
                generator.writeStartArray();
                list.forEach(element -> write(generator, element));
                generator.writeEndArray();
            }
            case Boolean truth -> generator.writeBoolean(truth);
            case Double number -> generator.writeNumber(number);
            case Float number -> generator.writeNumber(number);
            case BigInteger number -> generator.writeNumber(number);
            case Number number -> generator.writeNumber(number.longValue());
            default -> generator.writeString(value.toString());
        }
    }
}
