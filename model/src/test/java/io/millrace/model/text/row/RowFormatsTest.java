package io.millrace.model.text.row;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.github.luben.zstd.ZstdOutputStream;
import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RowFormatsTest {
    private static final List<Map<String, Object>> ROWS =
            List.of(
                    Map.of("text", "Lily saw a \"dog\".", "label", "0"),
                    Map.of("text", "Tim ran,\nfar\taway 😀", "label", "1"));

    @TempDir Path dir;

    private static String text(String name) {
        return switch (name) {
            case "a.jsonl", "a.ndjson", "pipe" ->
                    """
                    {"text":"Lily saw a \\"dog\\".","label":"0"}

                    {"label":"1","text":"Tim ran,\\nfar\\taway 😀"}
                    """;
            case "lines.json" -> text("a.jsonl");
            case "a.json" ->
                    """
                    \uFEFF [
                      {"text":"Lily saw a \\"dog\\".","label":"0"},
                      {"text":"Tim ran,\\nfar\\taway 😀","label":"1"}
                    ]
                    """;
            case "whole.json" ->
                    "{\"version\":\"1\",\n\"data\":" + text("a.json").substring(1) + "}";
            case "a.csv" ->
                    "text,label\n\"Lily saw a \"\"dog\"\".\",0\n\"Tim ran,\nfar\taway 😀\",1\n";
            case "a.tsv" ->
                    "text\tlabel\r\n\"Lily saw a \"\"dog\"\".\"\t0\r\n\"Tim ran,\nfar\taway 😀\"\t1\r\n";
            default -> throw new IllegalArgumentException(name);
        };
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a.jsonl",
                "a.ndjson",
                "pipe",
                "lines.json",
                "a.json",
                "whole.json",
                "a.csv",
                "a.tsv"
            })
    void readTheSameRowsPackedOrNot(String name) throws IOException {
        String text = text(name);
        Path plain = Files.writeString(dir.resolve(name), text);
        Path gzip = dir.resolve(name + ".gz");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(gzip))) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
        }
        Path zstd = dir.resolve(name + ".ZST");
        try (OutputStream out = new ZstdOutputStream(Files.newOutputStream(zstd))) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
        }
        for (Path file : List.of(plain, gzip, zstd)) {
            assertThat(rows(file)).as(file.toString()).isEqualTo(ROWS);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"snappy", "zstd", "gzip", "none"})
    void readParquetWithNestedColumns(String codec) throws Exception {
        Path file = resource("nested-" + codec + ".parquet");
        List<Map<String, Object>> rows = rows(file);
        assertThat(rows).hasSize(3);
        assertThat(rows.get(0))
                .containsEntry("text", "Lily saw a \"dog\".")
                .containsEntry("label", 0L)
                .containsEntry("ok", true)
                .containsEntry("score", 0.5)
                .containsEntry(
                        "messages",
                        List.of(
                                Map.of("role", "user", "content", "hi"),
                                Map.of("role", "assistant", "content", "yes")))
                .containsEntry(
                        "answers",
                        Map.of("text", List.of("a", "b"), "answer_start", List.of(1L, 2L)));
        assertThat(rows.get(1)).containsEntry("text", "Tim ran,\nfar away");
        assertThat(rows.get(1)).containsEntry("messages", List.of());
        assertThat(rows.get(2)).containsEntry("text", "x 😀").containsEntry("label", null);
        assertThat(rows.get(2)).containsEntry("messages", null).containsEntry("answers", null);
        Path packed = dir.resolve("a.parquet.gz");
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(packed))) {
            Files.copy(file, out);
        }
        assertThat(rows(packed)).isEqualTo(rows);
    }

    @Test
    void numberRowsAsTheirFilesDo() throws IOException {
        List<String> places = new ArrayList<>();
        for (String name : List.of("a.jsonl", "a.json", "a.csv")) {
            Path file = Files.writeString(dir.resolve(name), text(name));
            RowFormats.read(
                    file,
                    TableLayout.USUAL,
                    row -> places.add(row.where().substring(dir.toString().length() + 1)));
        }
        assertThat(places)
                .containsExactly(
                        "a.jsonl:1",
                        "a.jsonl:3",
                        "a.json, row 1",
                        "a.json, row 2",
                        "a.csv:2",
                        "a.csv:3");
    }

    @Test
    void takeQuotesAsTheyAreWhereATableHasNone() throws IOException {
        Path file = Files.writeString(dir.resolve("a.tsv"), "sentence\tlabel\n\"so it is\t1\n");
        List<Map<String, Object>> rows = new ArrayList<>();
        RowFormats.read(file, TableLayout.PLAIN, row -> rows.add(row.object().fields()));
        assertThat(rows).containsExactly(Map.of("sentence", "\"so it is", "label", "1"));
        TableLayout named = new TableLayout(List.of("label", "text"), true);
        Path bare = Files.writeString(dir.resolve("a.csv"), "3,\"How, then?\"\n");
        List<Map<String, Object>> found = new ArrayList<>();
        RowFormats.read(bare, named, row -> found.add(row.object().fields()));
        assertThat(found).containsExactly(Map.of("label", "3", "text", "How, then?"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    a.json    | [{"a":1},{"a":2]            | , row 2: is not JSON
                    a.json    | [{"a":1},7]                 | , row 2: is not an object
                    a.json    | {"rows":~[]}                | : is one JSON object without a "data"
                    a.jsonl   | {"a":1}~{"a":               | :2: is not a JSON object
                    a.csv     | a,b~1,2~3~                  | :3: has 1 fields, and there are 2
                    a.csv     | a,a~1,2~                    | :1: has a name twice
                    a.csv.gz  | a,b~1,2                     | : is no whole gzip
                    a.csv.zst | a,b~1,2                     | : is no whole zstd
                    a.parquet | PAR1PAR1                    | : is no Parquet file that can be read
                    """)
    void sayWhatIsWrongAndWhere(String name, String text, String fault) throws IOException {
        Path file = Files.writeString(dir.resolve(name), text.replace('~', '\n'));
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> rows(file))
                .withMessageStartingWith(file + fault)
                .withMessageNotContaining("\n");
    }

    @Test
    void findTheFilesOfASplit() throws IOException {
        for (String name :
                List.of(
                        "README.md",
                        "dataset_infos.json",
                        ".cache/train.jsonl",
                        "sst2/train-00001-of-00002.parquet",
                        "sst2/train-00000-of-00002.parquet",
                        "sst2/validation-00000-of-00001.parquet",
                        "test/part.csv.gz")) {
            Path file = dir.resolve(name);
            Files.createDirectories(file.getParent());
            Files.writeString(file, "x");
        }
        List<String> held = List.of("validation", "dev");
        assertThat(names(Optional.empty(), List.of("train")))
                .containsExactly(
                        "sst2/train-00000-of-00002.parquet", "sst2/train-00001-of-00002.parquet");
        assertThat(names(Optional.empty(), held))
                .containsExactly("sst2/validation-00000-of-00001.parquet");
        assertThat(names(Optional.of("test"), held)).containsExactly("test/part.csv.gz");
        assertThat(names(Optional.empty(), List.of("none"))).hasSize(4);
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> names(Optional.of("tes"), held))
                .withMessageStartingWith("--split: " + dir + " has no files of 'tes'");
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() ->
                        DataFiles.of(dir.resolve("test/part.csv.gz"), Optional.of("test"), held))
                .withMessageStartingWith("--split: is given");
    }

    private List<String> names(Optional<String> split, List<String> usual) {
        return DataFiles.of(dir, split, usual).stream()
                .map(file -> dir.relativize(file).toString())
                .toList();
    }

    private static List<Map<String, Object>> rows(Path file) {
        List<Map<String, Object>> rows = new ArrayList<>();
        RowFormats.read(
                file,
                TableLayout.USUAL,
                row -> rows.add(new LinkedHashMap<>(row.object().fields())));
        return rows;
    }

    private static Path resource(String name) throws URISyntaxException {
        return Path.of(RowFormatsTest.class.getResource(name).toURI());
    }
}
