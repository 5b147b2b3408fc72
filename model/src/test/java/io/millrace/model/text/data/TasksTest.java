package io.millrace.model.text.data;

import static io.millrace.model.text.Fixtures.ints;
import static io.millrace.model.text.Fixtures.storiesDir;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.model.text.ClassificationExample;
import io.millrace.model.text.DataKind;
import io.millrace.model.text.Dataset;
import io.millrace.model.text.Example;
import io.millrace.model.text.Tokenizer;
import io.millrace.model.text.option.DatasetOptions;
import io.millrace.model.text.row.DataLine;
import io.millrace.model.text.task.LegacyRandom;
import io.millrace.model.text.task.PromptTask;
import io.millrace.model.text.task.Prompted;
import io.millrace.model.text.task.Sampling;
import io.millrace.model.text.task.Task;
import io.millrace.model.text.task.known.Tasks;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Tasks give the ids and scored places that MeZO's own code gives, and draw the rows it draws. */
class TasksTest {
    private static final JsonObject GOLDEN = golden();

    private static JsonObject golden() {
        try (InputStream in = TasksTest.class.getResourceAsStream("tasks.json")) {
            return Json.parseObject(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static Stream<JsonObject> objects(JsonObject of, String field) {
        return of.array(field).stream().map(one -> JsonObject.of((Map<?, ?>) one));
    }

    static List<String> names() {
        return Tasks.PROMPTS.stream().map(Task::name).toList();
    }

    @ParameterizedTest
    @MethodSource("names")
    void encodeRowsAsMezoDoes(String name) {
        PromptTask task = Tasks.prompt(name).orElseThrow();
        JsonObject golden =
                objects(GOLDEN, "tasks")
                        .filter(one -> one.string("task").equals(name))
                        .findFirst()
                        .orElseThrow();
        List<DataLine> rows = objects(golden, "rows").map(row -> new DataLine("row", row)).toList();
        try (Tokenizer tokenizer = Tokenizer.of(storiesDir())) {
            objects(golden, "encoded")
                    .forEach(encoded -> requireSame(task, rows, encoded, tokenizer));
        }
    }

    private static void requireSame(
            PromptTask task, List<DataLine> rows, JsonObject encoded, Tokenizer tokenizer) {
        int most = (int) encoded.integer("most");
        Gathered gathered = new Gathered();
        DatasetOptions options = DatasetOptions.of(most, 2048, 512);
        PromptExamples examples =
                new PromptExamples(new Making(options, tokenizer, gathered), OptionalInt.empty());
        int at = (int) encoded.integer("row");
        Prompted asked = task.of(rows.get(at));
        List<String> shown =
                encoded.integer("demonstrations") == 0
                        ? List.of()
                        : List.of(task.of(rows.get(1 - at)).demonstration());
        examples.add(rows.get(at), asked, shown);
        Dataset data = gathered.dataset(DataKind.TASK, options, "rows");
        List<Example> made =
                task.generates() ? data.examples() : data.classification().getFirst().candidates();
        List<?> ids = encoded.array("ids");
        assertThat(made).hasSameSizeAs(ids);
        for (int i = 0; i < made.size(); i++) {
            int scored = ((Long) encoded.array("scored").get(i)).intValue();
            Example expected = Example.scoringLast(ints((List<?>) ids.get(i)), scored);
            assertThat(made.get(i).ids()).isEqualTo(expected.ids());
            assertThat(made.get(i).labels()).isEqualTo(expected.labels());
        }
        int[] right = ints(encoded.array("right"));
        if (task.generates()) {
            assertThat(data.questions().getFirst().prompt())
                    .isEqualTo(ints(encoded.array("prompt")));
            assertThat(data.questions().getFirst().right()).isEqualTo(encoded.array("answers"));
        } else {
            ClassificationExample example = data.classification().getFirst();
            assertThat(example.label()).isEqualTo(right[0]);
            assertThat(example.right().stream().mapToInt(one -> one)).containsExactly(boxed(right));
        }
    }

    private static Integer[] boxed(int[] values) {
        return Arrays.stream(values).boxed().toArray(Integer[]::new);
    }

    @Test
    void beginWithAnotherTokenWhereTold() {
        Gathered gathered = new Gathered();
        DatasetOptions options = DatasetOptions.of(512, 512, 512);
        PromptTask task = Tasks.prompt("sst2").orElseThrow();
        DataLine row = new DataLine("row", Json.parseObject("{\"sentence\":\"Tim\",\"label\":0}"));
        try (Tokenizer tokenizer = Tokenizer.of(storiesDir())) {
            new PromptExamples(new Making(options, tokenizer, gathered), OptionalInt.of(0))
                    .add(row, task.of(row));
            int[] ids = gathered.dataset(DataKind.TASK, options, "").examples().getFirst().ids();
            int[] usual = tokenizer.encodePrompt("Tim It was terrible");
            usual[0] = 0;
            assertThat(ids).isEqualTo(usual);
        }
    }

    @Test
    void drawRowsAsNumPyDoes() {
        objects(GOLDEN, "permutations")
                .forEach(one -> {
                    int n = (int) one.integer("n");
                    int[] order = new LegacyRandom(one.integer("seed")).permutation(n);
                    int[] first = ints(one.array("first"));
                    assertThat(Arrays.copyOf(order, first.length)).isEqualTo(first);
                });
        assertThat(new LegacyRandom(0).integers(20, 10_000)).isEqualTo(ints(GOLDEN.array("seeds")));
    }

    @Test
    void takeAsManyRowsOfEachLabelAsLmBffDoes() {
        int[] labels = ints(GOLDEN.array("labels"));
        Task task = Tasks.mask("snli").orElseThrow();
        objects(GOLDEN, "shots")
                .forEach(one -> {
                    Sampling sampling =
                            new Sampling(
                                    OptionalInt.empty(),
                                    OptionalInt.empty(),
                                    1000,
                                    OptionalInt.of((int) one.integer("k")),
                                    OptionalLong.of(one.integer("seed")));
                    Sampling.Parts parts = sampling.divide(task, labels.length, row -> labels[row]);
                    assertThat(ids(parts.train())).isEqualTo(ints(one.array("train")));
                    assertThat(ids(parts.heldOut())).isEqualTo(ints(one.array("dev")));
                });
    }

    @Test
    void divideATrainingPartAsMezoDoes() {
        int[] order = new LegacyRandom(0).permutation(3000);
        Sampling.Parts parts =
                Sampling.PUBLISHED.divide(Tasks.prompt("rte").orElseThrow(), 3000, _ -> 0);
        assertThat(ids(parts.train())).isEqualTo(Arrays.copyOf(order, 1000));
        assertThat(ids(parts.heldOut())).isEqualTo(Arrays.copyOfRange(order, 1000, 1500));
        // WSC has fewer rows than both together: the last 500 are held out all the same.
        Sampling.Parts few =
                Sampling.PUBLISHED.divide(Tasks.prompt("wsc").orElseThrow(), 554, _ -> 0);
        assertThat(few.train()).hasSize(54);
        assertThat(few.heldOut()).hasSize(500);
        assertThat(Sampling.PUBLISHED.evaluated(Tasks.prompt("wsc").orElseThrow(), 104))
                .hasSize(104);
    }

    @Test
    void readTheFirstPublicationsOfNestedDataSets() {
        assertSame(
                "multirc",
                """
                {"passage":{"text":"P","questions":[{"question":"Q","answers":[{"text":"A","label":1},\
                {"text":"B","label":0}]}]}}
                """,
                "{\"paragraph\":\"P\",\"question\":\"Q\",\"answer\":\"A\",\"label\":1}",
                "{\"paragraph\":\"P\",\"question\":\"Q\",\"answer\":\"B\",\"label\":0}");
        assertSame(
                "record",
                """
                {"passage":{"text":"😀 Tim saw Bo","entities":[{"start":2,"end":4},{"start":10,"end":11}]},\
                "qas":[{"query":"@placeholder ran","answers":[{"text":"Bo","start":10,"end":11}]}]}
                """,
                """
                {"passage":"😀 Tim saw Bo","query":"@placeholder ran","entities":["Tim","Bo"],\
                "answers":["Bo"]}
                """);
        assertSame(
                "squad",
                """
                {"title":"T","paragraphs":[{"context":"C","qas":[{"question":"Q","answers":[{"text":"A"}]}]}]}
                """,
                "{\"title\":\"T\",\"context\":\"C\",\"question\":\"Q\",\"answers\":{\"text\":[\"A\"]}}");
        assertSame(
                "wsc",
                """
                {"text":"T","target":{"span1_text":"A","span2_text":"B"},"label":true}
                """,
                "{\"text\":\"T\",\"span1_text\":\"A\",\"span2_text\":\"B\",\"label\":1}");
    }

    private static void assertSame(String name, String nested, String... flat) {
        PromptTask task = Tasks.prompt(name).orElseThrow();
        List<Prompted> expected = new ArrayList<>();
        for (String row : flat) {
            expected.add(task.of(new DataLine("row", Json.parseObject(row))));
        }
        DataLine whole = new DataLine("row", Json.parseObject(nested));
        assertThat(task.unfold(whole).stream().map(task::of)).isEqualTo(expected);
    }

    private static int[] ids(List<Integer> values) {
        return values.stream().mapToInt(Integer::intValue).toArray();
    }
}
