package io.millrace.model.export;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelCardTest {
    @TempDir private Path temp;

    private static ModelCard card(String base, ModelCard.Kind kind) {
        return new ModelCard(
                base,
                List.of("sst2"),
                List.of("mezo-sgd"),
                List.of("accuracy"),
                kind,
                List.of(
                        new ModelCard.Section("Figures", Map.of("held-out | loss", "0.5")),
                        new ModelCard.Section("Nothing", Map.of())));
    }

    @Test
    void theHeadIsWhatTheHubReads() throws IOException {
        Path snapshot = Path.of("/cache/hub/models--facebook--opt-125m/snapshots/0123456789abcdef");
        assertThat(ModelCard.name(snapshot)).isEqualTo("facebook/opt-125m");
        assertThat(card(ModelCard.name(snapshot), ModelCard.Kind.ADAPTER).write(temp)).isTrue();
        String text = Files.readString(temp.resolve("README.md"));
        assertThat(text)
                .startsWith(
                        """
                        ---
                        base_model: "facebook/opt-125m"
                        datasets:
                        - "sst2"
                        library_name: peft
                        metrics:
                        - "accuracy"
                        tags:
                        - millrace
                        - "mezo-sgd"
                        ---
                        """)
                .contains("| held-out \\| loss | 0.5 |")
                .contains("PeftModel.from_pretrained(base, \"" + temp.getFileName() + "\")")
                .doesNotContain("## Nothing")
                .doesNotContain(temp.getParent().toString());
        assertThat(card("a-folder", ModelCard.Kind.DECODER).text("out"))
                .doesNotContain("base_model")
                .contains("pipeline_tag: text-generation");
    }

    @Test
    void aPageOfSomebodyElsesStays() throws IOException {
        Path file = temp.resolve("README.md");
        assertThat(card("one", ModelCard.Kind.DECODER).write(temp)).isTrue();
        assertThat(card("other", ModelCard.Kind.DECODER).write(temp)).isTrue();
        assertThat(file).content().contains("Made of other");
        Files.writeString(file, "# Mine\n");
        assertThat(card("one", ModelCard.Kind.DECODER).write(temp)).isFalse();
        assertThat(file).hasContent("# Mine\n");
        Files.write(file, new byte[] {(byte) 0xff, (byte) 0xfe, 0});
        assertThat(card("one", ModelCard.Kind.DECODER).write(temp)).isFalse();
    }
}
