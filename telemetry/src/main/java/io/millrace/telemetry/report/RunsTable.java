package io.millrace.telemetry.report;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Runs beside each other.
 *
 * @param runs in order
 */
public record RunsTable(List<RunRecord> runs) {
    /**
     * What says where a run is and who follows it, and not what it is. Options are declared above
     * this module: one of a place, a port or a listener, none of which changes a figure, belongs
     * here by its name.
     */
    private static final Set<String> PLACES =
            Set.of(
                    "out",
                    "trace",
                    "resume",
                    "metrics-port",
                    "track",
                    "mlflow-uri",
                    "mlflow-experiment");

    private static final String NONE = "-";

    /** Freezes the list. */
    public RunsTable {
        runs = List.copyOf(runs);
    }

    /** The heads of the columns. */
    public List<String> heads() {
        List<String> heads =
                new ArrayList<>(List.of("run", "method", "model", "steps", "loss", "held-out"));
        metrics().forEach(metric -> heads.add(metric.title.toLowerCase(Locale.ROOT)));
        heads.addAll(List.of("time", "tokens/s", "peak host", "process"));
        if (runs.stream().anyMatch(run -> run.peak("device").isPresent())) {
            heads.add("peak device");
        }
        return heads;
    }

    /** A row a run, of as many cells as there are heads. */
    public List<List<String>> rows() {
        boolean devices = heads().contains("peak device");
        List<List<String>> rows = new ArrayList<>();
        for (RunRecord run : runs) {
            List<String> row = new ArrayList<>();
            row.add(name(run));
            row.add(run.method());
            row.add(run.model());
            row.add(steps(run));
            row.add(number("%.4f", run.lastLoss()));
            row.add(number("%.4f", run.lastEvaluation("eval_loss")));
            metrics()
                    .forEach(metric ->
                            row.add(number("%.1f %%", 100 * run.lastEvaluation(metric.field))));
            row.add(String.join(" ", Units.duration(run.seconds())));
            row.add(number("%,.0f", run.tokensPerSecond()));
            row.add(bytes(run.peak("host")));
            row.add(bytes(run.peak("process")));
            if (devices) {
                row.add(bytes(run.peak("device")));
            }
            rows.add(row);
        }
        return rows;
    }

    /** The options in which they differ: the name, and each run's value. */
    public List<List<String>> differences() {
        Set<String> names = new LinkedHashSet<>();
        runs.forEach(run -> names.addAll(run.options().keySet()));
        names.removeAll(PLACES);
        List<List<String>> rows = new ArrayList<>();
        for (String name : names) {
            List<Object> values = new ArrayList<>();
            runs.forEach(run -> values.add(run.options().get(name)));
            if (values.stream().distinct().count() > 1) {
                List<String> row = new ArrayList<>(List.of(name));
                values.forEach(value -> row.add(Objects.toString(value, NONE)));
                rows.add(row);
            }
        }
        return rows;
    }

    /** For programs: a map a run. */
    public List<Map<String, Object>> answers() {
        List<Map<String, Object>> answers = new ArrayList<>();
        for (RunRecord run : runs) {
            Map<String, Object> answer = new LinkedHashMap<>();
            answer.put("run", run.folder().toString());
            answer.put("method", run.method());
            answer.put("model", run.option("model"));
            answer.put("steps", run.steps());
            answer.put("done", run.doneSteps().isPresent());
            answer.put("loss", orNull(run.lastLoss()));
            answer.put("eval_loss", orNull(run.lastEvaluation("eval_loss")));
            for (RunMetric metric : RunMetric.of(run)) {
                answer.put(metric.field, run.lastEvaluation(metric.field));
            }
            answer.put("seconds", run.seconds());
            answer.put("tokens_per_second", run.tokensPerSecond());
            answer.put("peak_bytes", run.peaks());
            answer.put("options", run.options());
            answers.add(answer);
        }
        return answers;
    }

    List<RunMetric> metrics() {
        return List.of(RunMetric.values()).stream()
                .filter(metric -> runs.stream().anyMatch(run -> RunMetric.of(run).contains(metric)))
                .toList();
    }

    /** The folder's name, with that of the folder around it where two are called the same. */
    String name(RunRecord run) {
        String name = last(run, 1);
        return runs.stream().filter(other -> last(other, 1).equals(name)).count() == 1
                ? name
                : last(run, 2);
    }

    private static String last(RunRecord run, int names) {
        Path path = run.folder().toAbsolutePath().normalize();
        int count = path.getNameCount();
        return path.subpath(Math.max(0, count - names), count).toString();
    }

    private static String steps(RunRecord run) {
        String steps = String.format(Locale.ROOT, "%,d", run.steps());
        return run.doneSteps().isPresent() ? steps : steps + " of " + run.option("steps");
    }

    private static String number(String format, double value) {
        return Double.isFinite(value) ? String.format(Locale.ROOT, format, value) : NONE;
    }

    private static String bytes(OptionalLong bytes) {
        return bytes.isPresent() ? Units.bytes((double) bytes.getAsLong()) : NONE;
    }

    private static Object orNull(double value) {
        return Double.isFinite(value) ? value : null;
    }
}
