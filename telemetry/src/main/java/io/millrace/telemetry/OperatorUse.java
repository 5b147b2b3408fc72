package io.millrace.telemetry;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What the workers of a CPU did in a step.
 *
 * @param workers how many; 0 where another device computes
 * @param seconds worker-seconds by the name of each operator that took any
 */
public record OperatorUse(int workers, Map<String, Double> seconds) {
    /** Of a device that has no such workers. */
    public static final OperatorUse NONE = new OperatorUse(0, Map.of());

    private static final String REST = "other";

    /** Freezes the map, in its order. */
    public OperatorUse {
        seconds = Collections.unmodifiableMap(new LinkedHashMap<>(seconds));
    }

    /**
     * What was counted between two looks at the workers' clock.
     *
     * @param workers how many the clock watches
     * @param before worker-seconds by operator at the beginning
     * @param after the same at the end
     */
    public static OperatorUse between(
            int workers, Map<String, Double> before, Map<String, Double> after) {
        Map<String, Double> seconds = new LinkedHashMap<>();
        after.forEach((operator, now) -> {
            double used = now - before.get(operator);
            if (used > 0) {
                seconds.put(operator, used);
            }
        });
        return seconds.isEmpty() ? NONE : new OperatorUse(workers, seconds);
    }

    /**
     * Worker-seconds by name; {@code other} is what is left of a step.
     *
     * @param stepSeconds length of the step
     */
    public Map<String, Double> fields(double stepSeconds) {
        Map<String, Double> fields = new LinkedHashMap<>(seconds);
        double busy = seconds.values().stream().mapToDouble(Double::doubleValue).sum();
        fields.put(REST, Math.max(0, workers * stepSeconds - busy));
        return fields;
    }
}
