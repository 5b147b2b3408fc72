package io.millrace.telemetry.report;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Writes what a run did as one page that needs nothing else. */
public final class RunPage {
    private static final Page PAGE =
            new Page("run", "run.html", List.of("page.js", "charts.js", "run.js"), "metrics.jsonl");
    private static final int MOST_POINTS = 800;

    private final RunRecord run;
    private final String made;

    private RunPage(RunRecord run, String made) {
        this.run = run;
        this.made = made;
    }

    /**
     * Writes the page.
     *
     * @param file the page; one that exists is replaced
     * @param run what it shows; it has a step at least
     * @param made when the page was made, as it shows it
     * @throws UncheckedIOException where it cannot be written
     */
    public static void write(Path file, RunRecord run, String made) {
        PAGE.write(file, new RunPage(run, made).fields(file));
    }

    private Map<String, Object> fields(Path file) {
        int stride = run.series().stride(MOST_POINTS);
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("name", run.folder().toAbsolutePath().normalize().getFileName().toString());
        fields.put("made", made);
        fields.put("headline", headline());
        fields.put("details", details());
        fields.put("figures", figures());
        fields.put("series", run.series().points(stride));
        fields.put("thinned", stride);
        fields.put("evals", run.evaluations());
        fields.put(
                "metrics",
                RunMetric.of(run).stream()
                        .map(metric -> List.of(metric.field, metric.title))
                        .toList());
        fields.put("memory", memory());
        fields.put("files", files(file));
        fields.put("facts", facts());
        fields.put("options", run.options());
        return fields;
    }

    private String headline() {
        String after = text("in %,d steps", run.steps());
        List<Map<String, Object>> evaluations = run.evaluations();
        if (evaluations.size() > 1) {
            for (RunMetric metric : RunMetric.of(run)) {
                double before = number(evaluations.getFirst().get(metric.field));
                double last = run.lastEvaluation(metric.field);
                return text(
                        "%s went from %.1f\u00a0%% to %.1f\u00a0%% %s",
                        metric.title, 100 * before, 100 * last, after);
            }
            double before = number(evaluations.getFirst().get("eval_loss"));
            return text(
                    "Held-out loss went from %.4f to %.4f %s",
                    before, run.lastEvaluation("eval_loss"), after);
        }
        return text("Loss went from %.4f to %.4f %s", run.firstLoss(), run.lastLoss(), after);
    }

    private List<String> details() {
        List<String> details = new ArrayList<>();
        details.add(text("%s, tuned with %s", run.model(), run.method()));
        long kept = run.doneSteps().isPresent() ? keptStep() : 0;
        if (run.doneSteps().isEmpty()) {
            details.add(
                    text(
                            "Interrupted after step %,d of %s: the same command with --resume goes on",
                            run.steps(), run.option("steps")));
        } else if (kept != run.doneSteps().getAsLong()) {
            details.add(text("The model is that of step %,d, the best evaluation", kept));
        }
        return details;
    }

    private long keptStep() {
        String kept = run.fact("kept_step");
        return kept.isEmpty() ? run.doneSteps().orElse(0) : Long.parseLong(kept);
    }

    private List<Object> figures() {
        List<Object> figures = new ArrayList<>();
        figures.add(List.of("Steps", text("%,d", run.steps()), "of " + run.option("steps")));
        double held = run.lastEvaluation("eval_loss");
        figures.add(
                Double.isNaN(held)
                        ? List.of("Loss at the end", text("%.4f", run.lastLoss()), "")
                        : List.of("Held-out loss", text("%.4f", held), ""));
        Optional<RunMetric> metric = RunMetric.of(run).stream().findFirst();
        figures.add(
                metric.<Object>map(one ->
                                List.of(
                                        one.title,
                                        text("%.1f", 100 * run.lastEvaluation(one.field)),
                                        "%"))
                        .orElseGet(() ->
                                List.of(
                                        "Pipeline efficiency",
                                        text(
                                                "%.0f",
                                                100
                                                        * run.series()
                                                                .mean(
                                                                        "pipeline_efficiency",
                                                                        0,
                                                                        run.steps())),
                                        "%")));
        figures.add(List.of("Tokens a second", text("%,.0f", run.tokensPerSecond()), ""));
        List<String> time = Units.duration(run.seconds());
        figures.add(List.of("Time of the steps", time.getFirst(), time.getLast()));
        return figures;
    }

    private List<Object> memory() {
        List<Object> rows = new ArrayList<>();
        run.peaks()
                .forEach((tier, peak) -> {
                    if (peak > 0) {
                        Map<String, Object> row = new LinkedHashMap<>();
                        row.put("tier", tier);
                        row.put("peak", peak);
                        row.put("budget", run.budget(tier).orElse(null));
                        rows.add(row);
                    }
                });
        return rows;
    }

    private List<Object> files(Path page) {
        try (Stream<Path> entries = Files.list(page.toAbsolutePath().getParent())) {
            List<Object> rows = new ArrayList<>();
            for (Path entry : entries.sorted().toList()) {
                String name = entry.getFileName().toString();
                if (Files.isRegularFile(entry)
                        && !name.startsWith(".")
                        && !entry.endsWith(page.getFileName())) {
                    rows.add(
                            Map.of(
                                    "name",
                                    name,
                                    "bytes",
                                    Files.size(entry),
                                    "what",
                                    RunFile.what(name)));
                }
            }
            return rows;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private List<Object> facts() {
        List<Object> facts = new ArrayList<>();
        addFact(facts, "Model", run.option("model"));
        addFact(facts, "Base", run.fact("base"));
        addFact(facts, "Device", run.option("device"));
        addFact(facts, "Machine", run.fact("machine"));
        addFact(facts, "Java", run.fact("java"));
        addFact(facts, "Millrace", run.fact("program"));
        addFact(facts, "Examples", run.fact("examples"));
        addFact(facts, "Tokens of the data", run.fact("tokens"));
        return facts;
    }

    private static void addFact(List<Object> facts, String name, String value) {
        if (!value.isEmpty()) {
            facts.add(List.of(name, value));
        }
    }

    private static double number(Object value) {
        return value instanceof Number number ? number.doubleValue() : Double.NaN;
    }

    @SuppressWarnings("AnnotateFormatMethod") // its annotation is a library of its own
    private static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
