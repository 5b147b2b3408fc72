package io.millrace.model.export;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Python's sentencepiece, and transformers, were asked outside of the build. */
class GgufTokenizerTest {
    private static final Path PIECES = Path.of("src/test/resources/stories260k-sharded");

    @TempDir private Path temp;

    @Test
    void piecesHaveTheRanksOfTheirMerges() {
        GgufTokenizer tokenizer = GgufTokenizer.of(PIECES, 514);
        assertThat(tokenizer.missing()).isEmpty();
        Map<String, Object> fields = tokenizer.metadata();
        assertThat(fields)
                .containsEntry("tokenizer.ggml.model", "llama")
                .containsEntry("tokenizer.ggml.pre", "default")
                .containsEntry("tokenizer.ggml.add_space_prefix", true)
                .containsEntry("tokenizer.ggml.unknown_token_id", 0)
                .containsEntry("tokenizer.ggml.bos_token_id", 1)
                .containsEntry("tokenizer.ggml.add_bos_token", true)
                .containsEntry("tokenizer.ggml.add_eos_token", false)
                .doesNotContainKey("tokenizer.ggml.merges");
        List<?> tokens = (List<?>) fields.get("tokenizer.ggml.tokens");
        int[] kinds = (int[]) fields.get("tokenizer.ggml.token_type");
        float[] scores = (float[]) fields.get("tokenizer.ggml.scores");
        assertThat(tokens).hasSize(514);
        assertThat(tokens.getLast()).isEqualTo("[PAD513]");
        assertThat(Arrays.copyOf(kinds, 4)).containsExactly(2, 3, 3, 6);
        assertThat(tokens.get(3)).isEqualTo("<0x00>");
        // Pieces were numbered as they were merged: each has a rank more than the one before.
        for (int id = 259; id < 512; id++) {
            assertThat(scores[id]).as("" + tokens.get(id)).isEqualTo(259f - id);
            assertThat(kinds[id]).isEqualTo(1);
        }
        assertThat(scores[512]).isEqualTo(-10_000);
        assertThat(kinds[513]).isEqualTo(5);
    }

    @Test
    void filesOfOlderLayoutsMakeOneToo() throws IOException {
        Files.writeString(
                temp.resolve("vocab.json"), "{\"a\":0,\"b\":1,\"ab\":2,\"<|endoftext|>\":3}");
        Files.writeString(temp.resolve("merges.txt"), "#version: 0.2\na b\n");
        Files.writeString(temp.resolve("config.json"), "{\"model_type\":\"gpt2\"}");
        assertThat(GgufTokenizer.of(temp, 4).metadata())
                .containsEntry("tokenizer.ggml.model", "gpt2")
                .containsEntry("tokenizer.ggml.pre", "gpt-2")
                .containsEntry("tokenizer.ggml.merges", List.of("a b"))
                .containsEntry("tokenizer.ggml.tokens", List.of("a", "b", "ab", "<|endoftext|>"))
                .containsEntry("tokenizer.ggml.eos_token_id", 3)
                .containsEntry("tokenizer.ggml.add_bos_token", false);
    }

    @Test
    void digitsApartAreAWayToCutWords() throws IOException {
        Map<String, Object> bytes =
                Map.of("type", "ByteLevel", "add_prefix_space", false, "use_regex", true);
        Map<String, Object> digits = Map.of("type", "Digits", "individual_digits", true);
        write(Map.of("type", "Sequence", "pretokenizers", List.of(digits, bytes)));
        assertThat(GgufTokenizer.of(temp, 2).metadata())
                .containsEntry("tokenizer.ggml.pre", "starcoder");
        write(Map.of("type", "Whitespace"));
        assertThat(GgufTokenizer.of(temp, 2).missing())
                .containsExactly("the tokenizer: ggml has no name for how it cuts words");
    }

    private void write(Map<String, Object> cutter) throws IOException {
        Map<String, Object> model =
                Map.of("type", "BPE", "vocab", Map.of("a", 0, "b", 1), "merges", List.of());
        Files.writeString(
                temp.resolve("tokenizer.json"),
                Json.write(
                        Map.of(
                                "model",
                                model,
                                "added_tokens",
                                List.of(),
                                "pre_tokenizer",
                                cutter,
                                "decoder",
                                Map.of("type", "ByteLevel"))));
    }
}
