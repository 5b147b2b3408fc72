package io.millrace.telemetry.report;

import io.millrace.telemetry.Lane;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;

/**
 * Where the part of a step went in which nothing computed.
 *
 * @param lanes seconds spent waiting for each transfer lane
 * @param otherSeconds seconds in which the next block was there, or no lane worked for it: the
 *     journal, the loss, threads that wake up
 */
public record Waits(Map<Lane, Double> lanes, double otherSeconds) {
    /** Freezes the lanes. */
    public Waits {
        Map<Lane, Double> all = new EnumMap<>(Lane.class);
        for (Lane lane : Lane.values()) {
            if (lane != Lane.COMPUTE) {
                all.put(lane, lanes.getOrDefault(lane, 0.0));
            }
        }
        lanes = Collections.unmodifiableMap(all);
    }

    /** The whole of it. */
    public double totalSeconds() {
        return otherSeconds + lanes.values().stream().mapToDouble(Double::doubleValue).sum();
    }

    /** The transfer lane waited for most; ties go to the earlier one. */
    public Lane longest() {
        Lane longest = Lane.NVME_READ;
        for (Map.Entry<Lane, Double> lane : lanes.entrySet()) {
            if (lane.getValue() > lanes.get(longest)) {
                longest = lane.getKey();
            }
        }
        return longest;
    }
}
