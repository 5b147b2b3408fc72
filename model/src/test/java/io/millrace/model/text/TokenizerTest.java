package io.millrace.model.text;

import static io.millrace.model.text.Fixtures.storiesDir;
import static io.millrace.model.text.Fixtures.toyTokenizer;
import static io.millrace.model.text.Fixtures.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {
    @TempDir Path dir;

    @Test
    void encodesAndDecodesEveryGoldenTextExactly() throws IOException {
        JsonObject golden =
                Json.parseObject(Files.readString(Fixtures.resource("tokenizer-stories260k.json")));
        List<?> cases = golden.array("cases");
        assertThat(cases).hasSize(308);
        try (Tokenizer tokenizer = Tokenizer.of(storiesDir())) {
            for (Object entry : cases) {
                JsonObject single = JsonObject.of((Map<?, ?>) entry);
                String text = single.string("text");
                int[] ids = Fixtures.ints(single.array("ids"));
                int[] bare = Arrays.copyOfRange(ids, 1, ids.length);
                assertThat(tokenizer.encode(text, true)).as("marked '%s'", text).isEqualTo(ids);
                assertThat(tokenizer.encode(text, false)).as("bare '%s'", text).isEqualTo(bare);
                assertThat(tokenizer.encodePrompt(text)).as("prompt '%s'", text).isEqualTo(ids);
                assertThat(tokenizer.decode(ids)).isEqualTo(text);
                assertThat(tokenizer.decode(bare)).isEqualTo(text);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "😀",
                "👩‍👩‍👧‍👦 family",
                "नमस्ते",
                "e\u0301 ≠ é",
                "a\u0000b",
                "\uFEFFx",
                "𝕏\n\t\r"
            })
    void carriesAnyUnicodeThroughTheNativeLibrary(String text) {
        try (Tokenizer tokenizer = Tokenizer.of(storiesDir())) {
            assertThat(tokenizer.decode(tokenizer.encode(text, true))).isEqualTo(text);
        }
    }

    @Test
    void encodesBytesAsTheFallbackTokensOfTheirUtf8() {
        try (Tokenizer tokenizer = Tokenizer.of(storiesDir())) {
            // 😀 is F0 9F 98 80, byte b is token b + 3, and 410 is the space put in front.
            assertThat(tokenizer.encode("😀", false))
                    .containsExactly(410, 0xF0 + 3, 0x9F + 3, 0x98 + 3, 0x80 + 3);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"\uD83D", "x\uDE00", "\uDE00\uD83D", "\uD83Da"})
    void refusesHalfACharacter(String text) {
        try (Tokenizer tokenizer = Tokenizer.of(storiesDir())) {
            assertThatExceptionOfType(BadInputException.class)
                    .isThrownBy(() -> tokenizer.encode(text, true))
                    .withMessageContaining("surrogate pair at character");
        }
    }

    @Test
    void knowsTheSpecialIdsAndTheVocabulary() {
        try (Tokenizer tokenizer = Tokenizer.of(storiesDir())) {
            assertThat(tokenizer.special().bos()).hasValue(1);
            assertThat(tokenizer.special().eos()).hasValue(2);
            assertThat(tokenizer.special().pad()).isEmpty();
            assertThat(tokenizer.special().isStop(2)).isTrue();
            assertThat(tokenizer.special().isStop(1)).isFalse();
            assertThat(tokenizer.vocabSize()).hasValue(512);
        }
    }

    @Test
    void takesAllStopsFromTheGenerationConfig() {
        write(dir.resolve("config.json"), "{\"eos_token_id\": 7, \"bos_token_id\": 6}");
        write(dir.resolve("generation_config.json"), "{\"eos_token_id\": [8, 9]}");
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            assertThat(tokenizer.special().stops()).containsExactly(8, 9);
            assertThat(tokenizer.special().eos()).hasValue(8);
            assertThat(tokenizer.special().bos()).hasValue(6);
            assertThat(tokenizer.vocabSize()).isEmpty();
        }
    }

    @Test
    void looksUpTheNamesOfSpecialTokens() {
        toyTokenizer(dir, "$A", "hello");
        write(dir.resolve("config.json"), "{\"eos_token_id\": 7}");
        write(dir.resolve("tokenizer_config.json"), "{\"eos_token\": {\"content\": \"</s>\"}}");
        write(dir.resolve("special_tokens_map.json"), "{\"pad_token\": \"<unk>\"}");
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            assertThat(tokenizer.special().eos()).hasValue(1);
            assertThat(tokenizer.special().pad()).hasValue(2);
            assertThat(tokenizer.special().bos()).isEmpty();
            assertThat(tokenizer.vocabSize()).hasValue(4);
        }
    }

    @Test
    void findsIdsInAListOfPiecesAndAmongAddedTokensFirst() {
        write(
                dir.resolve("tokenizer.json"),
                "{\"added_tokens\": [{\"id\": 9, \"content\": \"</s>\", \"x\": [{}]}],"
                        + " \"model\": {\"type\": \"Unigram\", \"unk_id\": 0,"
                        + " \"vocab\": [[\"<s>\", 0.0], [\"</s>\", -1.5], [\"a\", -2]]}}");
        write(
                dir.resolve("tokenizer_config.json"),
                "{\"bos_token\": \"<s>\", \"eos_token\": \"</s>\", \"pad_token\": \"b\"}");
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            assertThat(tokenizer.special().bos()).hasValue(0);
            assertThat(tokenizer.special().eos()).hasValue(9);
            assertThat(tokenizer.special().pad()).isEmpty();
            assertThat(tokenizer.vocabSize()).hasValue(10);
        }
    }

    @Test
    void refusesFilesThatAreLargerThanAny() throws IOException {
        toyTokenizer(dir, "$A", "hello");
        write(dir.resolve("generation_config.json"), " ".repeat((4 << 20) + 1));
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> Tokenizer.of(dir))
                .withMessageContaining("generation_config.json: has more than 4194304 bytes");
        write(dir.resolve("generation_config.json"), "{}");
        try (RandomAccessFile file =
                new RandomAccessFile(dir.resolve("tokenizer.json").toFile(), "rw")) {
            file.setLength((128L << 20) + 1);
        }
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> Tokenizer.of(dir))
                .withMessageContaining("tokenizer.json: has more than 134217728 bytes");
    }

    @Test
    void ignoresTheTruncationThatTheFileAsksFor() {
        toyTokenizer(dir, "$A", "a");
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            assertThat(tokenizer.encode("a ".repeat(100), true)).hasSize(100).containsOnly(3);
        }
    }

    @Test
    void putsNoMarkBehindAPrompt() {
        toyTokenizer(dir, "<s> $A </s>", "a", "b");
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            assertThat(tokenizer.encode("a b", true)).containsExactly(0, 3, 4, 1);
            assertThat(tokenizer.encodePrompt("a b")).containsExactly(0, 3, 4);
            assertThat(tokenizer.encodePrompt("")).containsExactly(0);
        }
    }

    @Test
    void addsTheBeginningMarkWhenTheConfigAsksForIt() {
        toyTokenizer(dir, "$A", "a");
        write(
                dir.resolve("tokenizer_config.json"),
                "{\"bos_token\": \"<s>\", \"add_bos_token\": true}");
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            assertThat(tokenizer.encode("a", true)).containsExactly(0, 3);
            assertThat(tokenizer.encode("a", false)).containsExactly(3);
        }
    }

    @Test
    void leavesTheBeginningMarkOutWhenTheConfigAsksForThat() {
        toyTokenizer(dir, "<s> $A", "a");
        write(
                dir.resolve("tokenizer_config.json"),
                "{\"bos_token\": \"<s>\", \"add_bos_token\": false}");
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            assertThat(tokenizer.encode("a", true)).containsExactly(3);
            assertThatExceptionOfType(BadInputException.class)
                    .isThrownBy(() -> tokenizer.encodePrompt(""))
                    .withMessageContaining("no beginning mark");
        }
    }

    @Test
    void needsTokenizerJsonOnlyForText() {
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            assertThat(tokenizer.special().stops()).isEmpty();
            assertThatExceptionOfType(BadInputException.class)
                    .isThrownBy(() -> tokenizer.encode("a", true))
                    .withMessageContaining(dir + ": has no tokenizer.json");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "{",
                "{\"model\": {}}",
                "{\"model\": {\"vocab\": {\"a\": -1}}}",
                "{\"model\": {\"vocab\": {\"a\": \"b\"}}}",
                "{\"model\": {\"vocab\": [[]]}}",
                "{\"model\": {\"vocab\": {\"a\": 0}}, \"added_tokens\": [3]}"
            })
    void namesAMalformedFile(String json) {
        Path file = write(dir.resolve("tokenizer.json"), json);
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> Tokenizer.of(dir))
                .withMessageStartingWith(file + ": ");
    }

    @Test
    void namesAFileThatTheLibraryRefuses() {
        Path file =
                write(
                        dir.resolve("tokenizer.json"),
                        "{\"model\": {\"type\": \"Rope\", \"vocab\": {\"a\": 0}}}");
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            assertThatExceptionOfType(BadInputException.class)
                    .isThrownBy(() -> tokenizer.encode("a", false))
                    .withMessageStartingWith(file + ": ")
                    .withMessageNotContaining("\n");
        }
    }

    @Test
    void refusesUseAfterClose() {
        Tokenizer tokenizer = Tokenizer.of(storiesDir());
        assertThat(tokenizer.encode("a", false)).isNotEmpty();
        tokenizer.close();
        tokenizer.close();
        assertThatIllegalStateException().isThrownBy(() -> tokenizer.encode("a", false));
        assertThatIllegalStateException().isThrownBy(() -> tokenizer.decode(new int[] {3}));
    }

    @Test
    void servesSeveralThreads() {
        try (Tokenizer tokenizer = Tokenizer.of(storiesDir())) {
            boolean allRoundTrips =
                    IntStream.range(0, 500)
                            .parallel()
                            .mapToObj(i -> "Lily has " + i + " apples")
                            .allMatch(t -> tokenizer.decode(tokenizer.encode(t, true)).equals(t));
            assertThat(allRoundTrips).isTrue();
        }
    }
}
