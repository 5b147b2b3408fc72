package io.millrace.model.architecture.known;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** {@code docs/architectures.md} has the table that the registry makes. */
class ArchitecturePageTest {
    @Test
    void hasARowForEachArchitecture() throws IOException {
        String table =
                Architectures.all().stream()
                        .map(one -> "| `" + one.modelType() + "` | " + one.models() + " |\n")
                        .collect(
                                Collectors.joining(
                                        "", "| model_type | models |\n|---|---|\n", "\n"));
        assertThat(Files.readString(Path.of("..", "docs", "architectures.md"))).contains(table);
    }
}
