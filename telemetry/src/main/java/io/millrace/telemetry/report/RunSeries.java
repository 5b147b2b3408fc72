package io.millrace.telemetry.report;

import io.millrace.telemetry.json.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The figures of a run's steps, as {@code metrics.jsonl} has them, a list each. */
final class RunSeries {
    /** Fields of a line, and the names that pages have for them. */
    private static final Map<String, String> FIELDS = fields();

    private static final String STEP = "step";
    private static final String SLOPE = "slope";

    private final List<Long> steps = new ArrayList<>();
    private final Map<String, List<Double>> values = new LinkedHashMap<>();

    RunSeries() {
        FIELDS.values().forEach(name -> values.put(name, new ArrayList<>()));
    }

    private static Map<String, String> fields() {
        Map<String, String> fields = new LinkedHashMap<>();
        fields.put("loss", "loss");
        fields.put("projected_grad", SLOPE);
        for (String same :
                List.of(
                        "lr",
                        "step_seconds",
                        "tokens",
                        "tokens_per_second",
                        "hidden_transfer",
                        "exposed_transfer_seconds",
                        "compute_utilisation",
                        "pipeline_efficiency")) {
            fields.put(same, same);
        }
        return fields;
    }

    void add(JsonObject line) {
        steps.add(line.integer(STEP));
        FIELDS.forEach((field, name) -> {
            double value = line.number(field, Double.NaN);
            values.get(name).add(name.equals(SLOPE) ? Math.abs(value) : value);
        });
    }

    /** Steps with figures. */
    int size() {
        return steps.size();
    }

    /** Mean over a range of steps, without those that have no number; NaN where none has. */
    double mean(String name, int from, int to) {
        return values.get(name).subList(from, to).stream()
                .filter(Double::isFinite)
                .mapToDouble(value -> value)
                .average()
                .orElse(Double.NaN);
    }

    /** Sum over all steps. */
    double sum(String name) {
        return values.get(name).stream().filter(Double::isFinite).mapToDouble(value -> value).sum();
    }

    /** Steps that are one point where so many points are wanted at most. */
    int stride(int mostPoints) {
        return Math.max(1, Math.ceilDiv(size(), mostPoints));
    }

    /** Lists for a page: the step that a point ends with, and means over its steps. */
    Map<String, Object> points(int stride) {
        Map<String, Object> points = new LinkedHashMap<>();
        List<Object> ends = new ArrayList<>();
        for (int from = 0; from < size(); from += stride) {
            ends.add(steps.get(Math.min(from + stride, size()) - 1));
        }
        points.put(STEP, ends);
        for (String name : values.keySet()) {
            List<Object> means = new ArrayList<>();
            for (int from = 0; from < size(); from += stride) {
                double mean = mean(name, from, Math.min(from + stride, size()));
                means.add(Double.isFinite(mean) ? (Object) ((double) (float) mean) : null);
            }
            points.put(name, means);
        }
        return points;
    }
}
