package io.millrace.bench.learning;

import io.millrace.telemetry.json.JsonObject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What one run of one method came to.
 *
 * @param method its name
 * @param seed of the run
 * @param eps scale of the perturbation, as it was found
 * @param lr learning rate, as it was found
 * @param seconds that its steps took together
 * @param diverged whether losses stopped being numbers, so that the run ended early
 * @param points evaluations, by forwards; the first is of the base
 */
public record Curve(
        String method,
        long seed,
        double eps,
        double lr,
        double seconds,
        boolean diverged,
        List<Point> points) {
    /**
     * An evaluation on held-out data.
     *
     * @param forwards of a batch, that the steps before it took
     * @param loss mean over scored tokens
     * @param accuracy NaN where the task has none
     */
    public record Point(double forwards, double loss, double accuracy) {}

    /** Freezes the points. */
    public Curve {
        points = List.copyOf(points);
    }

    /** The last evaluation; its loss is infinite where the run diverged. */
    Point end() {
        Point last = points.getLast();
        return diverged ? new Point(last.forwards, Double.POSITIVE_INFINITY, Double.NaN) : last;
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
            one.put("forwards", point.forwards);
            one.put("loss", point.loss);
            if (!Double.isNaN(point.accuracy)) {
                one.put("accuracy", point.accuracy);
            }
            all.add(one);
        }
        fields.put("points", all);
        return fields;
    }

    /** Reads a line. */
    static Curve of(JsonObject fields) {
        List<Point> points =
                fields.array("points").stream()
                        .map(one -> JsonObject.of((Map<?, ?>) one))
                        .map(one ->
                                new Point(
                                        one.number("forwards"),
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
                points);
    }
}
