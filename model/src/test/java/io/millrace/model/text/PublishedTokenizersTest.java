package io.millrace.model.text;

import static io.millrace.model.text.Fixtures.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Folders laid out as models were published before {@code tokenizer.json}, with small vocabularies:
 * the ids of 300 texts are those that transformers made of the same files.
 */
class PublishedTokenizersTest {
    private static final JsonObject GOLDEN = golden();

    @TempDir Path dir;

    static Stream<String> names() {
        return cases().map(one -> one.string("name"));
    }

    @ParameterizedTest
    @MethodSource("names")
    void encodesAsTransformersDoes(String name) {
        JsonObject expected = layOut(name, dir);
        String checks = expected.string("checks");
        List<String> texts = texts();
        MessageDigest all = sha256();
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            assertThat(tokenizer.encode("Hello world", true))
                    .containsExactly(Fixtures.ints(expected.array("hello")));
            for (int i = 0; i < texts.size(); i++) {
                byte[] ids = littleEndian(tokenizer.encode(texts.get(i), true));
                assertThat(HexFormat.of().formatHex(sha256().digest(ids)).substring(0, 2))
                        .as("text %d of %s, '%s'", i, name, texts.get(i))
                        .isEqualTo(checks.substring(2 * i, 2 * i + 2));
                all.update(littleEndian(new int[] {ids.length / Integer.BYTES}));
                all.update(ids);
            }
        }
        assertThat(texts).hasSize(300);
        assertThat(HexFormat.of().formatHex(all.digest())).isEqualTo(expected.string("digest"));
    }

    @ParameterizedTest
    @MethodSource("names")
    void knowsTheMarksAndTheSize(String name) {
        JsonObject expected = layOut(name, dir);
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            SpecialTokens special = tokenizer.special();
            assertThat(special.bos()).isEqualTo(id(expected, "bos"));
            assertThat(special.eos()).isEqualTo(id(expected, "eos"));
            assertThat(special.pad()).isEqualTo(id(expected, "pad"));
            assertThat(tokenizer.vocabSize()).hasValue((int) expected.integer("vocab_size"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt2", "opt", "llama", "gemma"})
    void decodesWhatItEncoded(String name) {
        layOut(name, dir);
        try (Tokenizer tokenizer = Tokenizer.of(dir)) {
            for (String text : List.of("Hello world", "a  b\n\tc", "naïve café", "x 😀 y")) {
                assertThat(tokenizer.decode(tokenizer.encode(text, true))).isEqualTo(text);
            }
        }
    }

    @Test
    void refusesFilesOfAnotherClass() throws IOException {
        layOut("llama", dir);
        Files.delete(dir.resolve("tokenizer.model"));
        layOut("opt", dir);
        write(dir.resolve("tokenizer_config.json"), "{\"tokenizer_class\": \"LlamaTokenizer\"}");
        refused("has a vocab.json, which is none of the files of its tokenizer class Llama");
        write(dir.resolve("tokenizer_config.json"), "{\"tokenizer_class\": \"XLMTokenizer\"}");
        refused("its tokenizer class XLMTokenizer is read as tokenizer.json alone");
        write(dir.resolve("tokenizer_config.json"), "{}");
        write(dir.resolve("config.json"), "{\"model_type\": \"none\"}");
        refused("it has a vocab.json, and no file says of which tokenizer class");
    }

    @Test
    void refusesWordsWithoutTheMarks() throws IOException {
        layOut("bert", dir);
        Path vocab = dir.resolve("vocab.txt");
        List<String> words = new ArrayList<>(Files.readAllLines(vocab));
        words.remove("[SEP]");
        Files.write(vocab, words);
        damaged(vocab + ": lacks the token '[SEP]'");
    }

    @Test
    void refusesUnigramsForAClassOfBytePairs() {
        layOut("t5", dir);
        write(dir.resolve("tokenizer_config.json"), "{\"tokenizer_class\": \"LlamaTokenizer\"}");
        refused("is a model of unigrams, and the tokenizer class LlamaTokenizer takes the other");
    }

    @Test
    void refusesAddedTokensOfAnotherVocabulary() {
        layOut("gpt2-added", dir);
        write(dir.resolve("added_tokens.json"), "{\"<new>\": 400}");
        refused("give the added token '<new>' the id 400, and behind this vocabulary it has 331");
    }

    @Test
    void refusesAVocabularyLargerThanTheEmbedding() {
        layOut("opt", dir);
        try (Tokenizer tokenizer = Tokenizer.of(dir, 333)) {
            assertThatExceptionOfType(BadInputException.class)
                    .isThrownBy(() -> tokenizer.encode("a", true))
                    .withMessageContaining(
                            "makes ids up to 333, and the model's embedding has 333");
        }
        try (Tokenizer tokenizer = Tokenizer.of(dir, 334)) {
            assertThat(tokenizer.encode("a", true)).isNotEmpty();
        }
    }

    /** Cut anywhere, a file is refused in one line, or it was cut behind all that counts. */
    @ParameterizedTest
    @ValueSource(strings = {"llama/tokenizer.model", "opt/vocab.json", "t5/spiece.model"})
    void refusesHalfAFile(String which) throws IOException {
        String name = which.substring(0, which.indexOf('/'));
        layOut(name, dir);
        Path file = dir.resolve(which.substring(which.indexOf('/') + 1));
        byte[] whole = Files.readAllBytes(file);
        for (int length = 0; length < whole.length * 9 / 10; length += 97) {
            Files.write(file, Arrays.copyOf(whole, length));
            assertThatExceptionOfType(BadInputException.class)
                    .as("%d of %d bytes", length, whole.length)
                    .isThrownBy(() -> Tokenizer.of(dir))
                    .withMessageStartingWith(file.toString())
                    .withMessageNotContaining("\n");
        }
    }

    @Test
    void namesTheLineOfAMergeThatIsNone() throws IOException {
        layOut("opt", dir);
        Path merges = dir.resolve("merges.txt");
        List<String> lines = Files.readAllLines(merges);
        lines.set(5, "half");
        Files.write(merges, lines);
        damaged(merges + ":6: is not a pair of tokens");
        lines.set(5, "zq qz");
        Files.write(merges, lines);
        damaged(merges + ":6: needs the token 'zq'");
    }

    private void refused(String what) {
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> {
                    try (Tokenizer tokenizer = Tokenizer.of(dir)) {
                        tokenizer.encode("a", true);
                    }
                })
                .withMessageContaining(what);
    }

    private void damaged(String what) {
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> Tokenizer.of(dir))
                .withMessageContaining(what);
    }

    private static OptionalInt id(JsonObject expected, String role) {
        return expected.has(role)
                ? OptionalInt.of((int) expected.integer(role))
                : OptionalInt.empty();
    }

    /** Writes the files of a case into a folder. */
    static JsonObject layOut(String name, Path into) {
        JsonObject one =
                cases().filter(c -> c.string("name").equals(name)).findFirst().orElseThrow();
        JsonObject shared = GOLDEN.object("shared");
        one.object("files")
                .fields()
                .forEach((file, json) -> write(into.resolve(file), Json.write(json)));
        if (one.has("model")) {
            byte[] model = Base64.getDecoder().decode(shared.string(one.string("model")));
            try {
                Files.write(into.resolve(one.string("file", "tokenizer.model")), model);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        } else if (one.has("words")) {
            String lines =
                    shared.array("words").stream()
                            .map(Object::toString)
                            .collect(Collectors.joining("\n", "", "\n"));
            write(into.resolve("vocab.txt"), lines);
        } else {
            write(into.resolve("vocab.json"), Json.write(vocab(one, shared.object("vocab"))));
            write(into.resolve("merges.txt"), shared.string("merges"));
        }
        return one;
    }

    /** The shared vocabulary between the tokens of a case, or before its only one. */
    private static Map<String, Object> vocab(JsonObject one, JsonObject shared) {
        Map<String, Object> vocab = new LinkedHashMap<>();
        List<?> front = one.array("merges");
        boolean behind = front.getLast() instanceof Long;
        List<Object> tokens = new ArrayList<>(behind ? List.of() : front);
        tokens.addAll(shared.fields().keySet());
        tokens.addAll(
                behind ? front.subList(0, 1) : one.has("tail") ? one.array("tail") : List.of());
        tokens.forEach(token -> vocab.put(token.toString(), vocab.size()));
        return vocab;
    }

    /** Pieces by themselves, then joined by chance: the same texts as the other side made. */
    private static List<String> texts() {
        List<String> pieces = GOLDEN.array("pieces").stream().map(Object::toString).toList();
        List<String> texts = new ArrayList<>(pieces);
        long x = 12345;
        while (texts.size() < 300) {
            StringBuilder text = new StringBuilder();
            x = next(x);
            long count = 2 + (x >> 16) % 9;
            for (long i = 0; i < count; i++) {
                x = next(x);
                text.append(pieces.get((int) ((x >> 16) % pieces.size())));
            }
            texts.add(text.toString());
        }
        return texts;
    }

    private static long next(long x) {
        return (x * 1103515245L + 12345L) % 2147483648L;
    }

    private static byte[] littleEndian(int[] ids) {
        ByteBuffer bytes =
                ByteBuffer.allocate(ids.length * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int id : ids) {
            bytes.putInt(id);
        }
        return bytes.array();
    }

    private static Stream<JsonObject> cases() {
        return GOLDEN.array("cases").stream().map(one -> JsonObject.of((Map<?, ?>) one));
    }

    private static JsonObject golden() {
        try {
            return Json.parseObject(
                    Files.readString(Fixtures.resource("published-tokenizers.json")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
