package io.millrace.model.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Marks are read from the file, whatever the vocabulary makes of a letter. */
class PostProcessorTest {
    private static final Path FILE = Path.of("tokenizer.json");

    private static final String TEMPLATE =
            "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"s\","
                    + " \"type_id\": 0}}, {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}],"
                    + " \"pair\": [], \"special_tokens\": {\"s\": {\"id\": \"s\", \"ids\": [5, 6],"
                    + " \"tokens\": [\"s\", \"t\"]}}}";

    private static final String ROBERTA =
            "{\"type\": \"RobertaProcessing\", \"sep\": [\"</s>\", 2], \"cls\": [\"<s>\", 0]}";

    @TempDir Path dir;

    private static PostProcessor read(String json) {
        return PostProcessor.of(FILE, Json.parse(json));
    }

    private static void check(PostProcessor marks, int[] leading, int... trailing) {
        assertThat(marks.leading()).containsExactly(leading);
        assertThat(marks.trailing()).containsExactly(trailing);
    }

    @Test
    void readsEveryKind() {
        check(read("null"), new int[0]);
        check(read("{\"type\": \"ByteLevel\"}"), new int[0]);
        check(read(TEMPLATE), new int[] {5, 6});
        check(read(ROBERTA), new int[] {0}, 2);
        String all =
                "{\"type\": \"Sequence\", \"processors\": ["
                        + String.join(", ", TEMPLATE, "{\"type\": \"ByteLevel\"}", ROBERTA)
                        + "]}";
        check(read(all), new int[] {0, 5, 6}, 2);
    }

    @Test
    void putsMarksOutermostOrTakesThemAway() {
        PostProcessor marks = read(ROBERTA);
        check(marks.withLeading(7, true), new int[] {7, 0}, 2);
        check(marks.withLeading(0, true), new int[] {0}, 2);
        check(marks.withLeading(0, false), new int[0], 2);
        check(marks.withLeading(7, false), new int[] {0}, 2);
        check(marks.withTrailing(7, true), new int[] {0}, 2, 7);
        check(marks.withTrailing(2, false), new int[] {0});
        check(read("null").withTrailing(2, false), new int[0]);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "3",
                "{}",
                "{\"type\": \"Other\"}",
                "{\"type\": \"Sequence\", \"processors\": [3]}",
                "{\"type\": \"RobertaProcessing\", \"sep\": [2], \"cls\": [\"<s>\", 0]}",
                "{\"type\": \"TemplateProcessing\", \"single\": [], \"special_tokens\": {}}",
                "{\"type\": \"TemplateProcessing\", \"special_tokens\": {}, \"single\":"
                        + " [{\"Sequence\": {\"id\": \"A\"}}, {\"Sequence\": {\"id\": \"A\"}}]}",
                "{\"type\": \"TemplateProcessing\", \"special_tokens\": {}, \"single\":"
                        + " [{\"SpecialToken\": {\"id\": \"x\"}}, {\"Sequence\": {\"id\": \"A\"}}]}"
            })
    void refusesWhatDoesMore(String json) {
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> read(json))
                .withMessageStartingWith("tokenizer.json: field 'post_processor': ");
    }

    /** The toy's unknown token stands for every letter: nothing is learnt from encoding one. */
    @Test
    void needsNoLetterOfTheVocabulary() {
        Fixtures.toyTokenizer(dir, "<s> <unk> $A <unk> </s>", "hello");
        Fixtures.write(
                dir.resolve("tokenizer.json"),
                Json.write(withUnknownMark(dir.resolve("tokenizer.json"))));
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            assertThat(tokenizer.encode("a", true)).containsExactly(0, 2, 2, 2, 1);
            assertThat(tokenizer.encodePrompt("a")).containsExactly(0, 2, 2);
        }
    }

    private static Object withUnknownMark(Path file) {
        try {
            return Json.parse(
                    Files.readString(file)
                            .replace(
                                    "\"special_tokens\":{",
                                    "\"special_tokens\":{\"<unk>\":{\"id\":\"<unk>\",\"ids\":[2],"
                                            + "\"tokens\":[\"<unk>\"]},"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
