package io.millrace.telemetry.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class JsonStreamTest {
    private static final JsonStream.Field NOTHING = (name, value) -> {};

    @Test
    void givesEveryFieldInOrderAndPassesOverWhatIsNotRead() throws IOException {
        List<Object> seen = new ArrayList<>();
        JsonStream.read(
                in("{\"a\":[1,[2],{\"x\":3}],\"b\":{\"c\":[4]},\"d\":\"e\",\"f\":null,\"g\":1.5} "),
                (name, value) -> {
                    seen.add(name);
                    if (name.equals("a")) {
                        value.array("a", element -> seen.add(element.scalar()));
                    } else if (!name.equals("b")) {
                        seen.add(value.scalar());
                    }
                });
        assertThat(seen)
                .containsExactly("a", 1L, List.of(), Map.of(), "b", "d", "e", "f", null, "g", 1.5);
    }

    @Test
    void readsMoreThanItHolds() throws IOException {
        long[] count = new long[1];
        // Kept, the names would take some 300 MB.
        JsonStream.read(new Endless(3_000_000), (name, value) -> count[0]++);
        assertThat(count[0]).isEqualTo(3_000_000);
    }

    @Test
    void refusesWhatIsNotOneObject() {
        for (String text : List.of("", "  ", "[1]", "3", "{} {}", "{\"a\":1", "{\"a\":[1}", "{]")) {
            assertThatExceptionOfType(JsonFormatException.class)
                    .as(text)
                    .isThrownBy(() -> JsonStream.read(in(text), NOTHING))
                    .withMessageNotContainingAny("`", "Source");
        }
        assertThatExceptionOfType(JsonFormatException.class)
                .isThrownBy(() ->
                        JsonStream.read(
                                in("{\"a\":1}"), (name, value) -> value.object("it", NOTHING)))
                .withMessage("it is not an object");
        assertThatExceptionOfType(JsonFormatException.class)
                .isThrownBy(() ->
                        JsonStream.read(
                                in("{\"a\":{}}"),
                                (name, value) -> value.array("it", element -> {})))
                .withMessage("it is not an array");
    }

    @Test
    void refusesWhatIsNotUtf8() {
        byte[] bytes = "{\"a\":\"x\"}".getBytes(StandardCharsets.UTF_8);
        bytes[6] = (byte) 0xFF;
        assertThatExceptionOfType(CharacterCodingException.class)
                .isThrownBy(() -> JsonStream.read(new ByteArrayInputStream(bytes), NOTHING));
    }

    private static InputStream in(String text) {
        return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
    }

    /** An object of that many fields with different names, made as it is read. */
    private static final class Endless extends InputStream {
        private final int fields;
        private int next;
        private byte[] part = {'{'};
        private int at;

        private Endless(int fields) {
            this.fields = fields;
        }

        @Override
        public int read() {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0];
        }

        @Override
        public int read(byte[] into, int offset, int length) {
            if (at == part.length) {
                if (next > fields) {
                    return -1;
                }
                String comma = next == 0 ? "" : ",";
                String text = next == fields ? "}" : comma + "\"name-" + next + "\":{}";
                next++;
                part = text.getBytes(StandardCharsets.UTF_8);
                at = 0;
            }
            int count = Math.min(length, part.length - at);
            System.arraycopy(part, at, into, offset, count);
            at += count;
            return count;
        }
    }
}
