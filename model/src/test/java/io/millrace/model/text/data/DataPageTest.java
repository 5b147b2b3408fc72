package io.millrace.model.text.data;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.model.text.row.Compression;
import io.millrace.model.text.row.Compressions;
import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.row.RowFormat;
import io.millrace.model.text.row.RowFormats;
import io.millrace.model.text.task.MaskTask;
import io.millrace.model.text.task.PromptTask;
import io.millrace.model.text.task.Prompted;
import io.millrace.model.text.task.known.Tasks;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code docs/data.md} has the tables that the registries make. */
class DataPageTest {
    private static final Path PAGE = Path.of("..", "docs", "data.md");

    @ParameterizedTest
    @ValueSource(strings = {"formats", "kinds", "prompts", "masks"})
    void hasTheTable(String name) throws IOException {
        String table =
                switch (name) {
                    case "formats" -> formats();
                    case "kinds" -> kinds();
                    case "prompts" -> prompts();
                    default -> masks();
                };
        Path made = Files.createDirectories(Path.of("target", "data-page")).resolve(name + ".md");
        Files.writeString(made, table);
        assertThat(Files.readString(PAGE)).as("compare with " + made).contains(table);
    }

    @Test
    void namesEveryWayOfPacking() throws IOException {
        String packed =
                Compressions.ALL.stream()
                        .map((Compression one) -> one.name() + " (`" + one.ending() + "`)")
                        .collect(Collectors.joining(" or "));
        assertThat(Files.readString(PAGE)).contains("packed with " + packed);
    }

    private static String formats() {
        return head("format", "endings", "what is read")
                + RowFormats.ALL.stream()
                        .map((RowFormat one) -> row(one.name(), code(one.endings()), one.about()))
                        .collect(Collectors.joining())
                + row("text", code(List.of(RowFormats.TEXT)), "one running text");
    }

    private static String kinds() {
        return head("rows with", "are")
                + RowKinds.ALL.stream()
                        .map(one ->
                                row(
                                        "`" + one.kind().shape() + "`",
                                        one.kind().name().toLowerCase(Locale.ROOT)))
                        .collect(Collectors.joining());
    }

    private static String prompts() {
        StringBuilder table =
                new StringBuilder(
                        head(
                                "task",
                                "data set",
                                "prompt",
                                "answers",
                                "tuned on",
                                "held out",
                                "metric"));
        for (PromptTask task : Tasks.PROMPTS) {
            Prompted asked = task.of(new DataLine("row", new JsonObject(task.placeholders())));
            List<String> answers =
                    asked.wholes().stream()
                            .map(whole ->
                                    "`" + oneLine(whole.substring(asked.prompt().length())) + "`")
                            .toList();
            table.append(
                    row(
                            "`" + task.name() + "`",
                            task.dataSet(),
                            "`" + oneLine(asked.prompt()) + "`",
                            String.join(", ", answers),
                            task.classifies() ? "the right one among all" : "the right one",
                            String.valueOf(task.heldOut()),
                            task.metric().label()));
        }
        return table.toString();
    }

    private static String masks() {
        StringBuilder table =
                new StringBuilder(head("task", "data set", "sequence", "words", "tokens"));
        for (MaskTask task : Tasks.MASKS) {
            DataLine row = new DataLine("row", new JsonObject(task.placeholders()));
            String sequence =
                    task.pieces(row).stream()
                            .map(piece -> piece.equals(MaskTask.Piece.MASK) ? "[M]" : piece.text())
                            .collect(Collectors.joining());
            table.append(
                    row(
                            "`" + task.name() + "`",
                            task.dataSet(),
                            "`" + sequence + "`",
                            task.words().stream()
                                    .map(word -> "`" + word + "`")
                                    .collect(Collectors.joining(", ")),
                            String.valueOf(task.seqLen())));
        }
        return table.toString();
    }

    private static String code(List<String> endings) {
        return endings.stream().map(one -> "`" + one + "`").collect(Collectors.joining(", "));
    }

    private static String oneLine(String text) {
        return text.replace("\n", "⏎");
    }

    private static String head(String... names) {
        return row(names) + "|" + "---|".repeat(names.length) + "\n";
    }

    private static String row(String... cells) {
        return "| " + String.join(" | ", cells) + " |\n";
    }
}
