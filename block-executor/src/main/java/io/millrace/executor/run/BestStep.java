package io.millrace.executor.run;

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
 * The evaluated step after which the held-out loss was lowest. It is read from {@code
 * metrics.jsonl}, so that a run that went on knows of its earlier parts.
 *
 * @param step steps done before the evaluation, 0 for the base model
 * @param loss what it found
 */
record BestStep(long step, double loss) {
    private static final String LOSS = "eval_loss";

    /**
     * The best of a run; of equals the earlier.
     *
     * @param metrics the run's {@code metrics.jsonl}
     * @param data fingerprint of the held-out examples; evaluations on others do not compare
     * @return empty where no evaluation found a finite loss
     */
    static Optional<BestStep> of(Path metrics, String data) {
        BestStep best = null;
        for (Map.Entry<Long, Double> evaluation : evaluations(metrics, data).entrySet()) {
            double loss = evaluation.getValue();
            if (Double.isFinite(loss) && (best == null || loss < best.loss)) {
                best = new BestStep(evaluation.getKey(), loss);
            }
        }
        return Optional.ofNullable(best);
    }

    /** The evaluations on some held-out examples: losses by step. */
    static Map<Long, Double> evaluations(Path metrics, String data) {
        Map<Long, Double> losses = new TreeMap<>();
        try (BufferedReader lines = Files.newBufferedReader(metrics)) {
            int number = 0;
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                number++;
                // Most lines are of steps.
                if (line.contains(LOSS)) {
                    add(losses, metrics + ", line " + number, line, data);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(metrics + " cannot be read", e);
        }
        return losses;
    }

    private static void add(Map<Long, Double> losses, String where, String line, String data) {
        try {
            JsonObject fields = Json.parseObject(line);
            if (fields.string("eval_data", "").equals(data)) {
                losses.put(fields.integer("step"), fields.number(LOSS));
            }
        } catch (JsonFormatException e) {
            throw new BadInputException(where, e.getMessage(), "restore the file from a copy");
        }
    }
}
