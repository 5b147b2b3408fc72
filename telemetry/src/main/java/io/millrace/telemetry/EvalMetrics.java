package io.millrace.telemetry;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * The figures of one evaluation, as a line of {@code metrics.jsonl} has them.
 *
 * @param step the steps done before it
 * @param loss mean loss over the evaluation's labelled tokens
 * @param accuracy share of examples answered rightly, where the task has an answer
 * @param data fingerprint of the held-out examples; losses on others do not compare
 * @param answers figures of written answers by their fields; empty where none were written
 */
public record EvalMetrics(
        long step, double loss, OptionalDouble accuracy, String data, Map<String, Double> answers) {

    /** Figures of an evaluation without written answers. */
    public EvalMetrics(long step, double loss, OptionalDouble accuracy, String data) {
        this(step, loss, accuracy, data, Map.of());
    }

    /** The fields of the line; the accuracy of a task without answers is left out. */
    public Map<String, Object> fields() {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("step", step);
        line.put("eval_loss", loss);
        accuracy.ifPresent(value -> line.put("eval_accuracy", value));
        line.putAll(answers);
        line.put("eval_data", data);
        return line;
    }
}
