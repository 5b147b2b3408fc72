package io.millrace.bench.learning;

import io.millrace.telemetry.json.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What one run of one method came to.
 *
 * @param method its name
 * @param seed of the run
 * @param eps scale of the perturbation, as it was found
 * @param lr learning rate, as it was found
 * @param seconds that its steps took together
 * @param diverged whether losses stopped being numbers, so that the run ended early
 * @param points evaluations, in their order; the first is of the base
 * @param figures what else was measured of it, by name
 */
public record Curve(
        String method,
        long seed,
        double eps,
        double lr,
        double seconds,
        boolean diverged,
        List<Point> points,
        Map<String, Double> figures) {
    /**
     * An evaluation on held-out data.
     *
     * @param spent what the steps before it took: forwards of a batch, or seconds
     * @param loss mean over scored tokens
     * @param accuracy NaN where the task has none
     */
    public record Point(double spent, double loss, double accuracy) {}

    /** Freezes points and figures. */
    public Curve {
        points = List.copyOf(points);
        figures = Map.copyOf(figures);
    }

    /** The last evaluation; its loss is infinite where the run diverged. */
    Point end() {
        Point last = points.getLast();
        return diverged ? new Point(last.spent, Double.POSITIVE_INFINITY, Double.NaN) : last;
    }

    /** Held-out loss at the end; infinite where the run diverged. */
    public double heldOut() {
        return end().loss;
    }

    /** A line of the file. */
    Map<String, Object> fields() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("method", method);
        fields.put("seed", seed);
        fields.put("eps", eps);
        fields.put("lr", lr);
        fields.put("seconds", seconds);
        fields.put("diverged", diverged);
        List<Map<String, Object>> all = new ArrayList<>();
        for (Point point : points) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("spent", point.spent);
            one.put("loss", point.loss);
            if (!Double.isNaN(point.accuracy)) {
                one.put("accuracy", point.accuracy);
            }
            all.add(one);
        }
        fields.put("points", all);
        fields.put("figures", new TreeMap<>(figures));
        return fields;
    }

    /** Reads a line. */
    static Curve of(JsonObject fields) {
        List<Point> points =
                fields.array("points").stream()
                        .map(one -> JsonObject.of((Map<?, ?>) one))
                        .map(one ->
                                new Point(
                                        one.number("spent"),
                                        one.number("loss"),
                                        one.number("accuracy", Double.NaN)))
                        .toList();
        return new Curve(
                fields.string("method"),
                fields.integer("seed"),
                fields.number("eps"),
                fields.number("lr"),
                fields.number("seconds"),
                fields.bool("diverged", false),
                points,
                figures(fields.object("figures")));
    }

    private static Map<String, Double> figures(JsonObject fields) {
        Map<String, Double> figures = new TreeMap<>();
        fields.fields().keySet().forEach(name -> figures.put(name, fields.number(name)));
        return figures;
    }
}
