package io.millrace.model.quantized;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** {@code docs/quantised.md} has the table that the registry makes. */
class QuantPageTest {
    @Test
    void hasARowForEachLayout() throws IOException {
        StringBuilder table =
                new StringBuilder(
                        """
                        | quant_method | layout | tensors of a matrix | refused |
                        |---|---|---|---|
                        """);
        for (QuantMethod method : QuantMethods.all()) {
            for (QuantLayout layout : method.layouts()) {
                table.append("| `")
                        .append(method.name())
                        .append("` | ")
                        .append(layout.name())
                        .append(" | ")
                        .append(layout.parts())
                        .append(" | ")
                        .append(layout.limits())
                        .append(" |\n");
            }
        }
        assertThat(Files.readString(Path.of("..", "docs", "quantised.md"))).contains(table);
    }
}
