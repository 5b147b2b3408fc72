package io.millrace.executor.run;

import io.millrace.executor.config.Metric;
import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The evaluated step after which the run was best. It is read from {@code metrics.jsonl}, so that a
 * run that went on knows of its earlier parts.
 *
 * @param step steps done before the evaluation, 0 for the base model
 * @param value what it found
 */
record BestStep(long step, double value) {

    /**
     * The best of a run; of equals the earlier.
     *
     * @param metrics the run's {@code metrics.jsonl}
     * @param data fingerprint of the held-out examples; evaluations on others do not compare
     * @param metric what tells it
     * @return empty where no evaluation found a finite value
     */
    static Optional<BestStep> of(Path metrics, String data, Metric metric) {
        BestStep best = null;
        for (Map.Entry<Long, Double> evaluation : evaluations(metrics, data, metric).entrySet()) {
            double value = evaluation.getValue();
            if (Double.isFinite(value) && (best == null || isBetter(metric, value, best.value))) {
                best = new BestStep(evaluation.getKey(), value);
            }
        }
        return Optional.ofNullable(best);
    }

    private static boolean isBetter(Metric metric, double value, double than) {
        return metric.isLoss() ? value < than : value > than;
    }

    /** The evaluations behind the best one. */
    static long evaluationsSince(Path metrics, String data, Metric metric) {
        Map<Long, Double> all = evaluations(metrics, data, metric);
        long best = of(metrics, data, metric).map(BestStep::step).orElse(Long.MAX_VALUE);
        return all.keySet().stream().filter(step -> step > best).count();
    }

    /** The evaluations on some held-out examples: values by step. */
    static Map<Long, Double> evaluations(Path metrics, String data, Metric metric) {
        // The exponential of a loss goes with it.
        String field = metric.isLoss() ? Metric.LOSS.field() : metric.field();
        Map<Long, Double> values = new TreeMap<>();
        try (BufferedReader lines = Files.newBufferedReader(metrics)) {
            int number = 0;
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                number++;
                // Most lines are of steps.
                if (line.contains(field)) {
                    add(values, metrics + ", line " + number, line, data, field);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(metrics + " cannot be read", e);
        }
        return values;
    }

    private static void add(
            Map<Long, Double> values, String where, String line, String data, String field) {
        try {
            JsonObject fields = Json.parseObject(line);
            if (fields.string("eval_data", "").equals(data)) {
                values.put(fields.integer("step"), fields.number(field));
            }
        } catch (JsonFormatException e) {
            throw new BadInputException(where, e.getMessage(), "restore the file from a copy");
        }
    }
}
