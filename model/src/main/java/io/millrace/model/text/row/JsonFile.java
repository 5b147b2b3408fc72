package io.millrace.model.text.row;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import io.millrace.telemetry.json.JsonStream;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * A JSON array of objects; one object whose {@code data} is such an array; or, where the first
 * character opens an object and the line ends it, JSON Lines under another name.
 */
final class JsonFile implements RowFormat {
    private static final String DATA = "data";
    private static final int LOOK_AHEAD = 1 << 20;

    @Override
    public String name() {
        return "JSON";
    }

    @Override
    public List<String> endings() {
        return List.of(".json");
    }

    @Override
    public String about() {
        return "an array of objects, an object whose `data` is one, or JSON Lines";
    }

    @Override
    public void read(RowInput input, TableLayout layout, RowTaker taker) {
        input.read(raw -> {
            BufferedInputStream in = new BufferedInputStream(raw, 1 << 16);
            skipMark(in);
            switch (firstOf(in)) {
                case ARRAY -> array(input, in, taker);
                case WHOLE -> whole(input, in, taker);
                case LINES ->
                        Utf8Lines.forEach(
                                input.file(),
                                in,
                                (number, line, _) -> JsonLines.take(input, number, line, taker));
            }
        });
    }

    private enum Shape {
        ARRAY,
        WHOLE,
        LINES
    }

    /** A byte order mark says nothing here. */
    private static void skipMark(BufferedInputStream in) throws IOException {
        in.mark(3);
        if (in.read() != 0xEF || in.read() != 0xBB || in.read() != 0xBF) {
            in.reset();
        }
    }

    /** Whether an array begins, an object over several lines or with {@code data}, or lines. */
    private static Shape firstOf(BufferedInputStream in) throws IOException {
        in.mark(LOOK_AHEAD);
        StringBuilder head = new StringBuilder();
        boolean ends = false;
        for (int i = 0; i < LOOK_AHEAD - 1 && !ends; i++) {
            int b = in.read();
            ends = b < 0 || (b == '\n' && !head.isEmpty());
            if (!ends && !(head.isEmpty() && Character.isWhitespace(b))) {
                head.append((char) b);
            }
        }
        in.reset();
        if (head.indexOf("[") == 0) {
            return Shape.ARRAY;
        }
        String line = head.toString().strip();
        boolean isWholeLine = line.startsWith("{") && line.endsWith("}");
        boolean hasData =
                line.matches("(?s)\\{\\s*(\"version\"\\s*:[^{\\[]*,\\s*)?\"data\"\\s*:\\s*\\[.*");
        return line.isEmpty() || (isWholeLine && !hasData) ? Shape.LINES : Shape.WHOLE;
    }

    /** An array is what an object's one field holds, once that is written around it. */
    private static void array(RowInput input, InputStream in, RowTaker taker) throws IOException {
        InputStream wrapped =
                new SequenceInputStream(
                        Collections.enumeration(
                                List.of(bytes("{\"" + DATA + "\":"), in, bytes("}"))));
        whole(input, wrapped, taker);
    }

    private static InputStream bytes(String text) {
        return new ByteArrayInputStream(text.getBytes(StandardCharsets.US_ASCII));
    }

    private static void whole(RowInput input, InputStream in, RowTaker taker) throws IOException {
        int[] rows = {1};
        boolean[] found = {false};
        try {
            JsonStream.read(
                    in,
                    (name, value) -> {
                        if (name.equals(DATA) && value.isArray()) {
                            found[0] = true;
                            value.array(
                                    DATA,
                                    element -> {
                                        take(input, rows[0], element, taker);
                                        rows[0]++;
                                    });
                        }
                    });
        } catch (JsonFormatException e) {
            throw new BadInputException(
                    input.file() + ", row " + rows[0],
                    "is not JSON (" + e.getMessage() + ")",
                    "mend it there");
        }
        if (!found[0]) {
            throw new BadInputException(
                    input.file().toString(),
                    "is one JSON object without a \"data\" array of rows",
                    "give an array of objects, or one object a line");
        }
    }

    private static void take(RowInput input, int number, JsonStream element, RowTaker taker) {
        String where = input.file() + ", row " + number;
        if (element.isObject() && element.value() instanceof Map<?, ?> map) {
            taker.take(new DataLine(where, JsonObject.of(map)));
        } else {
            taker.refuse(
                    new BadInputException(
                            where, "is not an object", "write rows like {\"text\": \"...\"}"));
        }
    }
}
