package io.millrace.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What {@code docs/java.md} shows is what the examples are. */
class DocsTest {
    private static final Path PAGE = Path.of("../docs/java.md");
    private static final Path SOURCES = Path.of("src/main/java/io/millrace/examples");
    private static final Pattern SHOWN =
            Pattern.compile("<!-- code: (\\w+) (\\w+) -->\n```java\n(.*?)\n```\n", Pattern.DOTALL);

    private static String code(String example, String part) throws IOException {
        String source = Files.readString(SOURCES.resolve(example + ".java"));
        String begin = "    // docs: " + part + "\n";
        int first = source.indexOf(begin) + begin.length();
        return source.substring(first, source.indexOf("    // docs: end", first))
                .stripTrailing()
                .replaceAll("(?m)^ {4}", "");
    }

    @ParameterizedTest
    @CsvSource({"PowerIteration, stream, 36", "TuneSample, tune, 10"})
    void thePageShowsTheExampleAsItIs(String example, String part, int lines) throws IOException {
        String code = code(example, part);
        assertThat(Files.readString(PAGE))
                .contains(
                        "<!-- code: "
                                + example
                                + " "
                                + part
                                + " -->\n```java\n"
                                + code
                                + "\n```\n");
        assertThat(Arrays.stream(code.split("\n")).filter(line -> !line.isBlank()).count())
                .isLessThanOrEqualTo(lines);
    }

    @Test
    void everyPieceOfCodeThatIsMarkedIsOfAnExample() throws IOException {
        Matcher shown = SHOWN.matcher(Files.readString(PAGE));
        int count = 0;
        while (shown.find()) {
            assertThat(shown.group(3)).isEqualTo(code(shown.group(1), shown.group(2)));
            count++;
        }
        assertThat(count).isEqualTo(2);
    }
}
