package io.millrace.telemetry.report;

import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** What the folder of a run tells of it: options, steps, evaluations, memory. */
public final class RunRecord {
    private static final String RUN = "run.json";
    private static final String METRICS = "metrics.jsonl";
    private static final int END_SHARE = 10; // a tenth of the steps tells how a loss was then
    private static final int END_MOST = 50;

    private final Path folder;
    private final JsonObject run;
    private final JsonObject header;
    private final RunSeries series = new RunSeries();
    private final List<Map<String, Object>> evaluations = new ArrayList<>();
    private final Map<String, Long> peaks = new LinkedHashMap<>();
    private final Map<String, Long> budgets = new LinkedHashMap<>();

    private RunRecord(Path folder, JsonObject run, JsonObject header) {
        this.folder = folder;
        this.run = run;
        this.header = header;
    }

    /** Whether a folder is that of a run. */
    public static boolean isOfARun(Path folder) {
        return Files.isRegularFile(folder.resolve(RUN))
                && Files.isRegularFile(folder.resolve(METRICS));
    }

    /**
     * Reads a folder.
     *
     * @throws IOException where it cannot be read
     * @throws JsonFormatException where its {@code run.json} is not one
     */
    public static RunRecord read(Path folder) throws IOException {
        JsonObject run = Json.parseObject(Files.readString(folder.resolve(RUN)));
        RunRecord record = new RunRecord(folder, run, header(folder.resolve("journal.jsonl")));
        record.readMetrics();
        return record;
    }

    private static JsonObject header(Path journal) throws IOException {
        if (!Files.exists(journal)) {
            return new JsonObject(Map.of());
        }
        try (BufferedReader lines = Files.newBufferedReader(journal)) {
            String first = lines.readLine();
            return Json.parseObject(first == null ? "{}" : first);
        }
    }

    private void readMetrics() throws IOException {
        try (BufferedReader lines = Files.newBufferedReader(folder.resolve(METRICS))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                add(Json.parseObject(line));
            }
        } catch (JsonFormatException _) {
            return; // a line that a crash cut off; what came before it counts
        }
    }

    private void add(JsonObject line) {
        if (line.has("loss")) {
            series.add(line);
        } else if (line.has("eval_loss")) {
            Map<String, Object> fields = new LinkedHashMap<>(line.fields());
            fields.remove("eval_data");
            fields.values().removeIf(value -> !(value instanceof Number));
            fields.putIfAbsent("eval_loss", null); // JSON has NaN as a text
            evaluations.add(fields);
        } else if (line.has("peak_bytes")) {
            most(peaks, line.object("peak_bytes"));
            budgets.clear();
            most(budgets, line.object("budget_bytes"));
        }
    }

    private static void most(Map<String, Long> bytes, JsonObject line) {
        line.fields().keySet().forEach(name -> bytes.merge(name, line.integer(name), Math::max));
    }

    /** The folder. */
    public Path folder() {
        return folder;
    }

    /** The options by name. */
    public Map<String, Object> options() {
        return run.optionalObject("options").map(JsonObject::fields).orElse(Map.of());
    }

    /** An option as text; empty where the run has none. */
    public String option(String name) {
        Object value = options().get(name);
        return value == null ? "" : value.toString();
    }

    /** A field of the journal's header, or of {@code run.json}; empty where neither has it. */
    String fact(String name) {
        Object value = header.has(name) ? header.raw(name) : run.raw(name);
        return value == null ? "" : value.toString();
    }

    /** What is tuned and how: update rule, direction, and the tensors where not all. */
    public String method() {
        String tune = option("tune");
        return option("optimizer")
                + ", "
                + option("perturbation")
                + (tune.isEmpty() || tune.equals("full") ? "" : ", " + tune);
    }

    /** The last name of the model's path. */
    public String model() {
        String model = option("model");
        return model.substring(model.lastIndexOf('/') + 1);
    }

    /** Steps that have figures. */
    public int steps() {
        return series.size();
    }

    /** The steps of the saved model; empty where the run is not done. */
    public OptionalLong doneSteps() {
        return run.has("done_steps")
                ? OptionalLong.of(run.integer("done_steps"))
                : OptionalLong.empty();
    }

    /** Mean training loss of the first tenth of the steps, at most 50; NaN without any. */
    public double firstLoss() {
        return series.mean("loss", 0, atAnEnd());
    }

    /** The same of the last. */
    public double lastLoss() {
        return series.mean("loss", series.size() - atAnEnd(), series.size());
    }

    private int atAnEnd() {
        return Math.min(series.size(), Math.min(END_MOST, 1 + series.size() / END_SHARE));
    }

    /** Sum of the steps' lengths, in seconds. */
    public double seconds() {
        return series.sum("step_seconds");
    }

    /** Tokens over that. */
    public double tokensPerSecond() {
        double seconds = seconds();
        return seconds > 0 ? series.sum("tokens") / seconds : 0;
    }

    /** Most bytes ever held of a kind of memory: {@code host}, {@code device}, {@code process}. */
    public OptionalLong peak(String memory) {
        Long bytes = peaks.get(memory);
        return bytes == null ? OptionalLong.empty() : OptionalLong.of(bytes);
    }

    Map<String, Long> peaks() {
        return peaks;
    }

    Optional<Long> budget(String memory) {
        return Optional.ofNullable(budgets.get(memory));
    }

    RunSeries series() {
        return series;
    }

    /** Fields of the evaluations, in order. */
    public List<Map<String, Object>> evaluations() {
        return evaluations;
    }

    /**
     * A figure of the last evaluation that has it, such as {@code eval_accuracy}; NaN where none
     * has.
     */
    public double lastEvaluation(String field) {
        return evaluations.reversed().stream()
                .map(line -> line.get(field))
                .filter(Number.class::isInstance)
                .mapToDouble(value -> ((Number) value).doubleValue())
                .findFirst()
                .orElse(Double.NaN);
    }
}
