package io.millrace.telemetry;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;

/**
 * What one of a run's workers told of its last step.
 *
 * @param rank of the worker
 * @param step that it was; 0 before the first
 * @param seconds its length
 * @param waitSeconds of them, how long the worker had nothing to do until all others had spoken
 * @param hiddenTransfer share of its transfer time during which it computed; 1 where it moved
 *     nothing
 * @param residentBytes memory of its process
 * @param lanes what each lane has done in all its steps; every lane is there
 */
public record WorkerMetrics(
        int rank,
        long step,
        double seconds,
        double waitSeconds,
        double hiddenTransfer,
        long residentBytes,
        Map<Lane, LaneUse> lanes) {
    /** Freezes the lanes. */
    public WorkerMetrics {
        lanes = Collections.unmodifiableMap(new EnumMap<>(lanes));
    }
}
