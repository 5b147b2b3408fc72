package io.millrace.telemetry.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The pages of a run and of several, as files. */
class RunPageTest {
    private static final Pattern DATA =
            Pattern.compile(
                    "<script type=\"application/json\" id=\"data\">(.*?)</script>", Pattern.DOTALL);

    @TempDir Path folder;

    @Test
    void aPageLoadsNothingAndHasEveryPlaceThatItsCodeFills() throws IOException {
        for (String page : List.of(page(run(40, true)), runsPage(run(40, true)))) {
            assertThat(page).startsWith("<!DOCTYPE html>").contains("default-src 'none'");
            assertThat(page)
                    .doesNotContainPattern("(src|url\\()\\s*=?\\s*[\"']?(https?:|//|\\.|/)")
                    .doesNotContain("/*style*/", "/*code*/", "/*data*/", "@import", "fetch(");
            assertThat(Pattern.compile("<script").matcher(page).results().count()).isEqualTo(2);
            Matcher uses = Pattern.compile("(?:byId|table)\\('([a-z-]+)'").matcher(page);
            List<String> ids = uses.results().map(use -> use.group(1)).distinct().toList();
            assertThat(ids).hasSizeGreaterThan(4);
            for (String id : ids) {
                if (!id.equals("options") || page.contains("id=\"machine\"")) {
                    assertThat(page.split(" id=\"" + id + "\"", -1)).as(id).hasSize(2);
                }
            }
        }
    }

    @Test
    void aPageTellsWhatTheRunDid() throws IOException {
        JsonObject data = data(page(run(300, true)));

        assertThat(data.string("headline"))
                .isEqualTo("Accuracy went from 50.0\u00a0% to 53.0\u00a0% in 300 steps");
        assertThat(data.array("details")).hasSize(1);
        assertThat(data.integer("thinned")).isEqualTo(1);
        JsonObject series = data.object("series");
        assertThat(list(series, "step")).hasSize(300).startsWith(1L).endsWith(300L);
        assertThat(list(series, "loss")).hasSize(300).endsWith((double) 3.0f);
        assertThat(list(series, "slope")).startsWith(5.0, 3.0); // sizes, without their signs
        assertThat(list(series, "compute_utilisation")).containsOnlyNulls();
        assertThat(data.array("evals")).hasSize(4);
        assertThat(data.array("memory"))
                .isEqualTo(
                        List.of(
                                Map.of("tier", "host", "peak", 3000L, "budget", 4000L),
                                Json.parseObject(
                                                "{\"tier\":\"process\",\"peak\":9000,"
                                                        + "\"budget\":null}")
                                        .fields()));
        assertThat(list(data, "figures"))
                .contains(List.of("Steps", "300", "of 2000"))
                .contains(List.of("Held-out loss", "6.0000", ""))
                .contains(List.of("Tokens a second", "200", ""))
                .contains(List.of("Time of the steps", "2.5", "min"));
        assertThat(list(data, "facts")).contains(List.of("Examples", "77"), List.of("Java", "25"));
        assertThat(data.array("files").toString())
                .contains("metrics.jsonl", "figures of every step", "run.json")
                .doesNotContain("run.html");
    }

    @Test
    void aLongRunIsThinnedToMeans() throws IOException {
        JsonObject data = data(page(run(2000, true)));

        assertThat(data.integer("thinned")).isEqualTo(3);
        assertThat(list(data.object("series"), "step"))
                .hasSize(667)
                .startsWith(3L, 6L)
                .endsWith(1998L, 2000L);
        assertThat(list(data.object("series"), "loss"))
                .startsWith((double) 0.02f, (double) 0.05f)
                .endsWith((double) 19.995f);
    }

    @Test
    void anInterruptedRunSaysSo() throws IOException {
        JsonObject data = data(page(run(120, false)));

        assertThat(data.array("details").toString())
                .contains("Interrupted after step 120 of 2000", "--resume");
    }

    @Test
    void aNameCannotEndTheData() throws IOException {
        String page = page(run(5, true));

        assertThat(page).doesNotContain("</script><b>");
        assertThat(data(page).object("options").string("model"))
                .isEqualTo("models/</script><b>tiny");
    }

    @Test
    void runsStandBesideEachOther() throws IOException {
        Path one = MadeUpFolder.write(folder.resolve("a/run"), 300, true, Map.of("lr", 1e-6));
        // Who follows a run is nothing in which it differs.
        Map<String, Object> differs =
                Map.of("lr", 2e-6, "track", List.of("csv"), "mlflow-experiment", "other");
        Path two = MadeUpFolder.write(folder.resolve("b/run"), 100, false, differs);
        RunsTable table = new RunsTable(List.of(RunRecord.read(one), RunRecord.read(two)));

        assertThat(table.heads())
                .containsExactly(
                        "run",
                        "method",
                        "model",
                        "steps",
                        "loss",
                        "held-out",
                        "accuracy",
                        "time",
                        "tokens/s",
                        "peak host",
                        "process");
        assertThat(table.rows().getFirst())
                .containsExactly(
                        "a/run",
                        "mezo-sgd, gaussian",
                        "script><b>tiny",
                        "300",
                        "2.8500", // the mean of 2.71 to 3.00
                        "6.0000",
                        "53.0 %",
                        "2.5 min",
                        "200",
                        "2.9 KiB",
                        "8.8 KiB");
        assertThat(table.rows().getLast()).contains("b/run", "100 of 2000", "50.0 s");
        assertThat(table.differences()).isEqualTo(List.of(List.of("lr", "1.0E-6", "2.0E-6")));
        assertThat(table.answers().getFirst())
                .containsEntry("done", true)
                .containsEntry("steps", 300)
                .containsEntry("eval_accuracy", 0.53);

        Path file = folder.resolve("runs.html");
        RunsPage.write(file, table, "2026-01-01 12:00");
        JsonObject data = data(Files.readString(file));
        assertThat(data.string("headline")).isEqualTo("2 runs");
        assertThat(data.array("curves").toString())
                .contains("eval_accuracy", "eval_loss", "Training loss");
        assertThat(data.array("runs")).hasSize(2);
    }

    private Path run(int steps, boolean done) throws IOException {
        return MadeUpFolder.write(folder.resolve("run" + steps), steps, done, Map.of());
    }

    private static String page(Path run) throws IOException {
        Path file = run.resolve("run.html");
        RunPage.write(file, RunRecord.read(run), "2026-01-01 12:00");
        return Files.readString(file);
    }

    private static String runsPage(Path run) throws IOException {
        Path file = run.resolve("runs.html");
        RunsPage.write(file, new RunsTable(List.of(RunRecord.read(run))), "2026-01-01 12:00");
        return Files.readString(file);
    }

    private static List<Object> list(JsonObject fields, String name) {
        return new ArrayList<>(fields.array(name)); // may hold nulls
    }

    private static JsonObject data(String page) {
        Matcher matcher = DATA.matcher(page);
        assertThat(matcher.find()).isTrue();
        return Json.parseObject(matcher.group(1));
    }
}
