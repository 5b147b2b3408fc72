package io.millrace.telemetry.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.fail;

import io.millrace.telemetry.Seeds;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(Seeds.class)
class JsonTest {
    private static final String SAMPLE =
            """
            {"a":[1,-2.5e-3,true,false,null,"x\\u00e9\\n"],"b":{"c":{},"d":[]},\
            "e":123456789012345678901234567890,"f":"\\ud83d\\ude00"}\
            """;

    @RepeatedTest(5)
    void readsBackEveryDoubleToTheSameBits(SplittableRandom random) {
        for (int i = 0; i < 20_000; i++) {
            assertReadsBack(Double.longBitsToDouble(random.nextLong()));
            long subnormal = random.nextLong() & 0x800F_FFFF_FFFF_FFFFL;
            assertReadsBack(Double.longBitsToDouble(subnormal));
        }
    }

    @ParameterizedTest
    @ValueSource(
            doubles = {
                0.0,
                -0.0,
                1,
                0.1,
                1e-6,
                2e23,
                9007199254740994.0,
                Double.MIN_VALUE,
                -Double.MIN_VALUE,
                Double.MIN_NORMAL,
                Double.MAX_VALUE,
                Double.POSITIVE_INFINITY,
                Double.NEGATIVE_INFINITY,
                Double.NaN
            })
    void readsBackTheDoublesAtTheEdges(double value) {
        assertReadsBack(value);
    }

    private static void assertReadsBack(double value) {
        String text = Json.write(Map.of("x", value));
        double read = Json.parseObject(text).number("x");
        // Text for a failure only: made for each of 200,000 values it would take most of the time.
        if (Double.doubleToLongBits(read) != Double.doubleToLongBits(value)) {
            fail("%s was written as %s", Double.toHexString(value), text);
        }
    }

    @RepeatedTest(3)
    void readsBackFloatsToTheSameBits(SplittableRandom random) {
        for (int i = 0; i < 10_000; i++) {
            float value = Float.intBitsToFloat(random.nextInt());
            float read = (float) Json.parseObject(Json.write(Map.of("x", value))).number("x");
            assertThat(Float.floatToIntBits(read)).isEqualTo(Float.floatToIntBits(value));
        }
    }

    @Test
    void keepsIntegersOfAnySize() {
        for (int bits = 1; bits < 200; bits++) {
            for (int offset = -1; offset <= 1; offset++) {
                BigInteger value = BigInteger.TWO.pow(bits).add(BigInteger.valueOf(offset));
                for (BigInteger signed : List.of(value, value.negate())) {
                    Object read = Json.parse(Json.write(signed));
                    Object expected =
                            signed.bitLength() < 64 ? (Object) signed.longValueExact() : signed;
                    assertThat(read).isEqualTo(expected);
                }
            }
        }
    }

    @Test
    void refusesAnIntegerFieldThatDoesNotFit() {
        JsonObject object = Json.parseObject("{\"n\":9223372036854775808}");

        assertThatExceptionOfType(JsonFormatException.class)
                .isThrownBy(() -> object.integer("n"))
                .withMessageContaining("'n'")
                .withMessageContaining("64 bits");
    }

    @Test
    void readsAndWritesEveryKindInOrder() {
        Map<String, Object> inner = new LinkedHashMap<>();
        inner.put("z", 1L);
        inner.put("a", null);
        Object value =
                List.of(
                        inner,
                        Arrays.asList(true, false, null),
                        "\"\\/\b\f\n\r\t\u0001 é 漢 😀",
                        -5L,
                        0.5);

        String text = Json.write(value);

        assertThat(Json.parse(text)).isEqualTo(value);
        assertThat(text).startsWith("[{\"z\":1,\"a\":null}").doesNotContain("\n");
        assertThat(Json.parse(Json.writePretty(value))).isEqualTo(value);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "{",
                "}",
                "[",
                "]",
                "[1",
                "[1,",
                "[1,]",
                "{\"a\"",
                "{\"a\":",
                "{\"a\":1",
                "{\"a\":1,}",
                "{a:1}",
                "{'a':1}",
                "{1:2}",
                "[1 2]",
                "1 2",
                "{} {}",
                "nul",
                "nulll",
                "truefalse",
                "NaN",
                "Infinity",
                "-",
                "+1",
                "01",
                "1.",
                ".5",
                "1e",
                "0x10",
                "\"",
                "\"\\x\"",
                "\"\\u12\"",
                "\"a\nb\"",
                "// c\n1",
                "[1}",
                "\u0000",
                "\uFEFF\uFEFF1"
            })
    void refusesTextThatIsNotJson(String text) {
        assertThatExceptionOfType(JsonFormatException.class)
                .isThrownBy(() -> Json.parse(text))
                .satisfies(e -> assertThat(e.getMessage()).isNotBlank().doesNotContain("\n"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"a\":1,\"a\":2}", "{\"b\":{\"a\":1,\"c\":[],\"\\u0061\":1}}"})
    void refusesAFieldThatComesTwice(String text) {
        assertThatExceptionOfType(JsonFormatException.class)
                .isThrownBy(() -> Json.parse(text))
                .withMessageContaining("a");
    }

    @Test
    void refusesNestingThatWouldOverflowTheStack() {
        assertThatExceptionOfType(JsonFormatException.class)
                .isThrownBy(() -> Json.parse("[".repeat(100_000)));
    }

    @Test
    void refusesNumbersOfAbsurdLength() {
        assertThatExceptionOfType(JsonFormatException.class)
                .isThrownBy(() -> Json.parse("9".repeat(100_000)));
        assertThatExceptionOfType(JsonFormatException.class)
                .isThrownBy(() -> Json.parse("0." + "9".repeat(100_000)));
    }

    @RepeatedTest(5)
    void failsOnDamagedTextInOneWayOnly(SplittableRandom random) {
        String alphabet = "{}[]\",:0123456789eE+-.truefalsn\\u \n\u0000é\ud83d";
        int refused = 0;
        for (int i = 0; i < 5_000; i++) {
            StringBuilder text = new StringBuilder(SAMPLE);
            for (int edits = random.nextInt(1, 4); edits > 0; edits--) {
                int at = random.nextInt(text.length());
                char put = alphabet.charAt(random.nextInt(alphabet.length()));
                switch (random.nextInt(3)) {
                    case 0 -> text.setCharAt(at, put);
                    case 1 -> text.insert(at, put);
                    default -> text.setLength(Math.max(1, at));
                }
            }
            try {
                Object value = Json.parse(text.toString());
                assertThat(Json.parse(Json.write(value))).isEqualTo(value);
            } catch (JsonFormatException e) {
                refused++; // any other exception fails the test
            }
        }
        assertThat(refused).isGreaterThan(1000);
    }

    @ParameterizedTest
    @ValueSource(strings = {"1e999", "-1e309", "[1.8e308]"})
    void refusesANumberThatOnlyInfinityCouldHold(String text) {
        assertThatExceptionOfType(JsonFormatException.class)
                .isThrownBy(() -> Json.parse(text))
                .withMessageContaining("out of range");
    }

    @Test
    void readsLongStrings() {
        String big = "x".repeat(30_000_000);

        assertThat(Json.parse("\"" + big + "\"")).isEqualTo(big);
    }

    @Test
    void refusesATopLevelValueThatIsNotAnObject() {
        assertThatExceptionOfType(JsonFormatException.class)
                .isThrownBy(() -> Json.parseObject("[]"));
    }

    @Test
    void readsFieldsByKind() {
        JsonObject object =
                Json.parseObject(
                        "{\"s\":\"t\",\"n\":3,\"x\":0.5,\"b\":true,\"l\":[1],\"o\":{\"k\":1},"
                                + "\"none\":null}");

        assertThat(object.string("s")).isEqualTo("t");
        assertThat(object.integer("n")).isEqualTo(3);
        assertThat(object.number("n")).isEqualTo(3);
        assertThat(object.number("x")).isEqualTo(0.5);
        assertThat(object.bool("b", false)).isTrue();
        assertThat(object.array("l")).isEqualTo(List.of(1L));
        assertThat(object.object("o").integer("k")).isEqualTo(1);
        assertThat(object.optionalObject("o")).isPresent();
    }

    @Test
    void takesNullForMissing() {
        JsonObject object = Json.parseObject("{\"none\":null}");

        assertThat(object.has("none")).isFalse();
        assertThat(object.string("none", "d")).isEqualTo("d");
        assertThat(object.integer("absent", 4)).isEqualTo(4);
        assertThat(object.number("absent", 0.25)).isEqualTo(0.25);
        assertThat(object.bool("absent", true)).isTrue();
        assertThat(object.optionalObject("none")).isEmpty();
    }

    @Test
    void namesTheFieldThatIsMissingOrOfAnotherKind() {
        JsonObject object = Json.parseObject("{\"s\":\"t\",\"n\":1,\"x\":1.0}");
        List<Runnable> reads = new ArrayList<>();
        reads.add(() -> object.string("absent"));
        reads.add(() -> object.number("absent"));
        reads.add(() -> object.string("n"));
        reads.add(() -> object.integer("x"));
        reads.add(() -> object.number("s"));
        reads.add(() -> object.bool("n", true));
        reads.add(() -> object.array("n"));
        reads.add(() -> object.object("n"));

        for (Runnable read : reads) {
            assertThatExceptionOfType(JsonFormatException.class)
                    .isThrownBy(read::run)
                    .withMessageMatching("field '\\w+' is (missing|not .+)");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{",
                "[1",
                "{a:1}",
                "{\"a\":NaN}",
                "[-Infinity]",
                "[+1]",
                "[01]",
                "[.5]",
                "[\"\t\"]",
                "\u0001",
                "/* x */ 1",
                "[\"abc",
                "{\"a\":1]",
                "nul",
                "\n\n{\"a\":}"
            })
    void saysWhatIsWrongInWordsOfTheText(String text) {
        assertThatExceptionOfType(JsonFormatException.class)
                .isThrownBy(() -> Json.parse(text))
                .withMessageMatching("[^`]* at (line \\d+, )?column \\d+")
                .withMessageNotContainingAny(
                        "Feature", "Source", "Constraints", "CTRL-CHAR", "(code", "jackson", "\n");
    }

    @Test
    void namesItsOwnLimitsOnly() {
        String deep = "[".repeat(300);
        String digits = "[" + "1".repeat(2000) + "]";
        String name = "{\"" + "n".repeat(60_000) + "\":1}";
        for (String text : List.of(deep, digits, name)) {
            assertThatExceptionOfType(JsonFormatException.class)
                    .isThrownBy(() -> Json.parse(text))
                    .withMessageContaining("exceeds the maximum allowed")
                    .withMessageNotContainingAny("`", "Constraints");
        }
    }

    @Test
    void makesNoMoreValuesOfATextThanAHeapHasRoomFor() {
        String most = "[" + "1,".repeat(Json.MAX_VALUES - 2) + "1]";
        assertThat((List<?>) Json.parse(most)).hasSize(Json.MAX_VALUES - 1);
        for (String text : List.of("[1," + most.substring(1), "{\"a\":" + most + "}")) {
            assertThatExceptionOfType(JsonFormatException.class)
                    .isThrownBy(() -> Json.parse(text))
                    .withMessage("more than 1048576 values where no more are read");
        }
    }

    @Test
    void aFileIsHeldToItsSizeAndToUtf8(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("a.json"), "{\"a\":1}");
        assertThat(Json.readObject(file, 7).integer("a")).isEqualTo(1);
        assertThatExceptionOfType(JsonFormatException.class)
                .isThrownBy(() -> Json.readObject(file, 6))
                .withMessageContaining("more than 6 bytes");
        assertThatExceptionOfType(JsonFormatException.class)
                .isThrownBy(() -> Json.readObject(Path.of("/dev/zero"), 1 << 16))
                .withMessageContaining("more than 65536 bytes");
        Files.write(file, new byte[] {'{', (byte) 0xff, '}'});
        assertThatExceptionOfType(JsonFormatException.class)
                .isThrownBy(() -> Json.readObject(file, 7))
                .withMessage("not UTF-8");
    }
}
