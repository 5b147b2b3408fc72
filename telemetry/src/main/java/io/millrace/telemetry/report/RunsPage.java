package io.millrace.telemetry.report;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Writes runs beside each other as one page that needs nothing else: their curves in one plot. */
public final class RunsPage {
    private static final Page PAGE =
            new Page(
                    "runs",
                    "runs.html",
                    List.of("page.js", "charts.js", "runs.js"),
                    "millrace runs");
    private static final int MOST_POINTS = 400;

    private RunsPage() {}

    /**
     * Writes the page.
     *
     * @param file the page; one that exists is replaced
     * @param table the runs, one at least, each with a step
     * @param made when the page was made, as it shows it
     * @throws java.io.UncheckedIOException where it cannot be written
     */
    public static void write(Path file, RunsTable table, String made) {
        Map<String, Object> fields = new LinkedHashMap<>();
        int count = table.runs().size();
        fields.put("made", made);
        fields.put(
                "headline", String.format(Locale.ROOT, "%d run%s", count, count == 1 ? "" : "s"));
        fields.put("curves", curves(table));
        fields.put("runs", table.runs().stream().map(run -> fields(table, run)).toList());
        fields.put("heads", table.heads());
        fields.put("rows", table.rows());
        fields.put("differ", table.differences());
        PAGE.write(file, fields);
    }

    private static Map<String, Object> fields(RunsTable table, RunRecord run) {
        Map<String, Object> points = run.series().points(run.series().stride(MOST_POINTS));
        Map<String, Object> series = new LinkedHashMap<>();
        series.put("step", points.get("step"));
        series.put("loss", points.get("loss"));
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("name", table.name(run));
        fields.put("series", series);
        fields.put("evals", run.evaluations());
        return fields;
    }

    private static List<Object> curves(RunsTable table) {
        List<Object> curves = new ArrayList<>();
        boolean evaluated = table.runs().stream().anyMatch(run -> !run.evaluations().isEmpty());
        table.metrics().forEach(metric -> curves.add(curve(metric.field, metric.title, true)));
        if (evaluated) {
            curves.add(curve("eval_loss", "Held-out loss", false));
        }
        curves.add(curve("loss", "Training loss", false));
        return curves;
    }

    private static Map<String, Object> curve(String field, String title, boolean share) {
        return Map.of("field", field, "title", title, "share", share);
    }
}
