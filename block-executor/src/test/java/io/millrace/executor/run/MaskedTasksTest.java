package io.millrace.executor.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.model.text.ClassificationExample;
import io.millrace.model.text.Example;
import io.millrace.model.text.Tokenizer;
import io.millrace.model.text.data.TaskReader;
import io.millrace.model.text.option.DataPart;
import io.millrace.model.text.option.DatasetOptions;
import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.task.MaskTask;
import io.millrace.model.text.task.Sampling;
import io.millrace.model.text.task.known.Tasks;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tasks of masked models give the ids and the place of the mask that LM-BFF's own code gives. */
class MaskedTasksTest {
    private static final int LONG_TEXT_IDS = 12;

    @TempDir Path dir;

    /** A task with words that the small tokenizer of the tests has as single tokens. */
    private record WithWords(MaskTask task, List<String> words) implements MaskTask {
        @Override
        public String name() {
            return task.name();
        }

        @Override
        public String dataSet() {
            return task.dataSet();
        }

        @Override
        public int seqLen() {
            return task.seqLen();
        }

        @Override
        public List<Piece> pieces(DataLine row) {
            return task.pieces(row);
        }

        @Override
        public int label(DataLine row) {
            return 1;
        }

        @Override
        public Map<String, Object> placeholders() {
            return task.placeholders();
        }
    }

    @Test
    void encodeRowsAsLmBffDoes() throws IOException {
        Path folder = Path.of("src/test/resources/golden");
        JsonObject golden = Json.parseObject(Files.readString(folder.resolve("tasks/masked.json")));
        try (Tokenizer tokenizer = Tokenizer.of(folder.resolve("roberta-published"))) {
            for (Object one : golden.array("tasks")) {
                JsonObject of = JsonObject.of((Map<?, ?>) one);
                MaskTask task = Tasks.mask(of.string("task")).orElseThrow();
                List<JsonObject> encoded =
                        of.array("encoded").stream()
                                .map(row -> JsonObject.of((Map<?, ?>) row))
                                .toList();
                requireSame(new WithWords(task, List.of(" great", " okay")), encoded, tokenizer);
            }
        }
    }

    private void requireSame(MaskTask task, List<JsonObject> encoded, Tokenizer tokenizer)
            throws IOException {
        List<String> lines = new ArrayList<>();
        for (JsonObject row : encoded) {
            List<String> texts =
                    row.array("texts").stream()
                            .map(text -> ((String) text).replace("#300 ", "very ".repeat(300)))
                            .toList();
            lines.add(
                    Json.write(
                            texts.size() == 1
                                    ? Map.of("text", texts.get(0), "label", 0)
                                    : Map.of(
                                            "premise", texts.get(0),
                                            "hypothesis", texts.get(1),
                                            "label", 0)));
        }
        Path file = Files.write(dir.resolve(task.name() + ".jsonl"), lines);
        DatasetOptions options = DatasetOptions.of(task.seqLen(), 512, 135).masked();
        List<ClassificationExample> made =
                new TaskReader(task, Sampling.PUBLISHED, OptionalInt.empty(), options, tokenizer)
                        .all(file, DataPart.TRAIN)
                        .data()
                        .classification();
        assertThat(made).as(task.name()).hasSameSizeAs(encoded);
        for (int i = 0; i < made.size(); i++) {
            Example truth = made.get(i).truth();
            JsonObject row = encoded.get(i);
            assertThat(truth.length()).as(task.name()).isEqualTo((int) row.integer("length"));
            assertThat(shown(truth.ids())).as(task.name()).isEqualTo(row.array("ids"));
            assertThat(truth.labels()[(int) row.integer("mask")])
                    .isEqualTo(tokenizer.encode(" okay", false)[0]);
            assertThat(truth.scoredTokens()).isEqualTo(1);
        }
    }

    /** A long text by its ends. */
    private static List<Long> shown(int[] ids) {
        boolean whole = ids.length <= 40;
        return IntStream.range(0, ids.length)
                .filter(i -> whole || i < LONG_TEXT_IDS || i >= ids.length - LONG_TEXT_IDS)
                .mapToObj(i -> (long) ids[i])
                .toList();
    }

    @Test
    void haveTheWordsAndLabelsOfThePaper() {
        assertThat(label("mnli", "{\"gold_label\":\"contradiction\"}")).isZero();
        assertThat(label("snli", "{\"label\":0}")).isEqualTo(1);
        assertThat(label("snli", "{\"label\":1}")).isEqualTo(2);
        assertThat(label("snli", "{\"label\":2}")).isZero();
        assertThat(label("rte", "{\"label\":\"not_entailment\"}")).isEqualTo(1);
        assertThat(label("trec", "{\"coarse_label\":0}")).isEqualTo(2);
        assertThat(label("trec", "{\"coarse_label\":2}")).isZero();
        assertThat(label("trec", "{\"label\":\"4\"}")).isEqualTo(4);
        assertThat(Tasks.mask("sst5").orElseThrow().words())
                .containsExactly(" terrible", " bad", " okay", " good", " great");
        assertThat(Tasks.mask("mnli").orElseThrow().words())
                .containsExactly(" No", " Yes", " Maybe");
        assertThat(Tasks.mask("rte").orElseThrow().words()).containsExactly(" Yes", " No");
    }

    private static int label(String task, String row) {
        return Tasks.mask(task).orElseThrow().label(new DataLine("row", Json.parseObject(row)));
    }
}
