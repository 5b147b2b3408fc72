package io.millrace.bench.learning;

import io.millrace.telemetry.json.JsonObject;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What was found for a method before its runs.
 *
 * @param method its name
 * @param eps scale of the perturbation
 * @param lr learning rate; NaN where none was found
 * @param seconds that finding took
 * @param forwards that one of its steps takes
 * @param refusal why none was found, else empty
 */
public record Rate(
        String method, double eps, double lr, double seconds, double forwards, String refusal) {
    /** Whether there is something to run with. */
    public boolean isFound() {
        return refusal.isEmpty();
    }

    /** The same with another learning rate. */
    public Rate withLr(double other, double seconds) {
        return new Rate(method, eps, other, seconds, forwards, refusal);
    }

    /** A line of the file. */
    Map<String, Object> fields() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("method", method);
        fields.put("eps", eps);
        fields.put("lr", lr);
        fields.put("seconds", seconds);
        fields.put("forwards_per_step", forwards);
        fields.put("refusal", refusal);
        return fields;
    }

    /** Reads a line. */
    static Rate of(JsonObject fields) {
        return new Rate(
                fields.string("method"),
                fields.number("eps"),
                fields.number("lr"),
                fields.number("seconds"),
                fields.number("forwards_per_step"),
                fields.string("refusal"));
    }
}
