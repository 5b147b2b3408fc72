package io.millrace.model.text;

import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** What the tests of this package share: a real small tokenizer, a toy one, and seeds. */
public final class Fixtures {
    public static final int STORIES_VOCAB = 512;

    private Fixtures() {}

    public static Path storiesDir() {
        return resource("stories260k");
    }

    public static Path resource(String name) {
        try {
            return Path.of(Fixtures.class.getResource(name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    public static long seed() {
        return Long.getLong("test.seed", System.nanoTime());
    }

    public static Path write(Path file, String text) {
        try {
            return Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The ids of an array as JSON has it. */
    public static int[] ints(List<?> values) {
        return values.stream().mapToInt(v -> ((Long) v).intValue()).toArray();
    }

    /**
     * Words in order from id 3, with the marks {@code <s>} 0, {@code </s>} 1, {@code <unk>} 2.
     *
     * @param marks the template of the post-processor, like {@code <s> $A </s>}
     */
    public static Path toyTokenizer(Path dir, String marks, String... words) {
        Map<String, Object> vocab = new java.util.LinkedHashMap<>();
        for (String token : List.of("<s>", "</s>", "<unk>")) {
            vocab.put(token, vocab.size());
        }
        for (String word : words) {
            vocab.put(word, vocab.size());
        }
        List<?> pieces =
                Arrays.stream(marks.split(" ", -1))
                        .map(mark ->
                                mark.equals("$A")
                                        ? Map.of("Sequence", Map.of("id", "A", "type_id", 0))
                                        : Map.of("SpecialToken", Map.of("id", mark, "type_id", 0)))
                        .toList();
        Map<String, Object> tokenizer =
                Map.of(
                        "version",
                        "1.0",
                        "truncation",
                        Map.of(
                                "max_length",
                                4,
                                "strategy",
                                "LongestFirst",
                                "stride",
                                0,
                                "direction",
                                "Right"),
                        "added_tokens",
                        List.of(added(0, "<s>"), added(1, "</s>"), added(2, "<unk>")),
                        "pre_tokenizer",
                        Map.of("type", "WhitespaceSplit"),
                        "post_processor",
                        Map.of(
                                "type",
                                "TemplateProcessing",
                                "single",
                                pieces,
                                "pair",
                                List.of(),
                                "special_tokens",
                                Map.of("<s>", special(0, "<s>"), "</s>", special(1, "</s>"))),
                        "model",
                        Map.of("type", "WordLevel", "vocab", vocab, "unk_token", "<unk>"));
        write(dir.resolve("tokenizer.json"), Json.write(tokenizer));
        return dir;
    }

    private static Map<String, Object> added(int id, String content) {
        return Map.of(
                "id",
                id,
                "content",
                content,
                "single_word",
                false,
                "lstrip",
                false,
                "rstrip",
                false,
                "normalized",
                false,
                "special",
                true);
    }

    private static Map<String, Object> special(int id, String content) {
        return Map.of("id", content, "ids", List.of(id), "tokens", List.of(content));
    }

    public static int[] randomIds(Random random, int length, int vocabSize) {
        return random.ints(length, 0, vocabSize).toArray();
    }
}
