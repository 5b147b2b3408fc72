package io.millrace.telemetry;

import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What the workers of a CPU did in a step.
 *
 * @param workers how many; 0 where another device computes
 * @param seconds worker-seconds at each operator that took any
 */
public record OperatorUse(int workers, Map<Operator, Double> seconds) {
    /** Of a device that has no such workers. */
    public static final OperatorUse NONE = new OperatorUse(0, Collections.emptyMap());

    /** Freezes the map. */
    public OperatorUse {
        Map<Operator, Double> copy = new EnumMap<>(Operator.class);
        copy.putAll(seconds);
        seconds = Collections.unmodifiableMap(copy);
    }

    /**
     * What a clock counted since an earlier look at it.
     *
     * @param clock the workers'
     * @param before {@link OperatorClock#seconds()} at the beginning
     */
    public static OperatorUse since(OperatorClock clock, Map<Operator, Double> before) {
        Map<Operator, Double> seconds = new EnumMap<>(Operator.class);
        clock.seconds()
                .forEach((operator, now) -> {
                    double used = now - before.get(operator);
                    if (used > 0) {
                        seconds.put(operator, used);
                    }
                });
        return seconds.isEmpty() ? NONE : new OperatorUse(clock.workers(), seconds);
    }

    /**
     * Worker-seconds by label; {@code other} is what is left of a step.
     *
     * @param stepSeconds length of the step
     */
    public Map<String, Double> fields(double stepSeconds) {
        Map<String, Double> fields = new LinkedHashMap<>();
        double rest = workers * stepSeconds;
        for (Map.Entry<Operator, Double> entry : seconds.entrySet()) {
            fields.put(entry.getKey().label(), entry.getValue());
            rest -= entry.getValue();
        }
        fields.put(Operator.OTHER.label(), Math.max(0, rest));
        return fields;
    }
}
