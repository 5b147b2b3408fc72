package io.millrace.telemetry;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;

/**
 * How the lanes of one window overlapped. T is the union of the transfer lanes, C is compute.
 *
 * @param seconds length of the window
 * @param lanes what each lane did; every lane is there
 * @param hiddenTransfer |T ∩ C| / |T|, and 1 where nothing was transferred
 * @param exposedTransferSeconds |T \ C|
 * @param computeUtilisation |C| / window
 * @param boundLane the lane with the largest busy time; compute where lanes tie
 * @param pipelineEfficiency busy(bound lane) / window
 */
public record StepOverlap(
        double seconds,
        Map<Lane, LaneUse> lanes,
        double hiddenTransfer,
        double exposedTransferSeconds,
        double computeUtilisation,
        Lane boundLane,
        double pipelineEfficiency) {
    /** Freezes the lanes, and refuses a map that misses one. */
    public StepOverlap {
        if (lanes.size() != Lane.values().length) {
            throw new IllegalArgumentException("lanes are missing: " + lanes.keySet());
        }
        lanes = Collections.unmodifiableMap(new EnumMap<>(lanes));
    }

    /**
     * Measures the spans of a log over the window [startNs, endNs]. Time is clipped to the window;
     * the bytes of all complete spans count to it, so that those of one that is told late are not
     * lost.
     */
    public static StepOverlap of(SpanLog spans, long startNs, long endNs) {
        return new OverlapMeter().measure(spans, startNs, endNs);
    }
}
