package io.millrace.stream;

import io.millrace.telemetry.Lane;
import io.millrace.telemetry.LaneUse;
import io.millrace.telemetry.StepOverlap;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * How transfers and computation of a pass overlapped.
 *
 * @param seconds of the pass
 * @param lanes what each lane did, by its name: {@code nvme-read}, {@code h2d}, {@code compute},
 *     {@code d2h}, {@code nvme-write}
 * @param hiddenTransfer share of the transfer time during which something computed; 1 where nothing
 *     was transferred
 * @param exposedTransferSeconds transfer time during which nothing computed
 * @param computeUtilisation share of the pass during which something computed
 * @param boundLane the lane that was busy longest
 * @param pipelineEfficiency busy share of that lane: at 1 only a faster lane would help
 */
public record Overlap(
        double seconds,
        Map<String, Use> lanes,
        double hiddenTransfer,
        double exposedTransferSeconds,
        double computeUtilisation,
        String boundLane,
        double pipelineEfficiency) {
    /**
     * What one lane did.
     *
     * @param busySeconds time in which it moved or computed something
     * @param bytes that it moved
     */
    public record Use(double busySeconds, long bytes) {}

    /** Freezes the lanes. */
    public Overlap {
        lanes = Collections.unmodifiableMap(new LinkedHashMap<>(lanes));
    }

    static Overlap of(StepOverlap overlap) {
        Map<String, Use> lanes = new LinkedHashMap<>();
        for (Map.Entry<Lane, LaneUse> lane : overlap.lanes().entrySet()) {
            lanes.put(
                    lane.getKey().label(),
                    new Use(lane.getValue().busySeconds(), lane.getValue().bytes()));
        }
        return new Overlap(
                overlap.seconds(),
                lanes,
                overlap.hiddenTransfer(),
                overlap.exposedTransferSeconds(),
                overlap.computeUtilisation(),
                overlap.boundLane().label(),
                overlap.pipelineEfficiency());
    }

    /** Some lines for a person. */
    public String report() {
        StringBuilder text = new StringBuilder();
        text.append(
                String.format(
                        Locale.ROOT,
                        "%.3f s, bound by %s (%.0f %% of the time), %.0f %% of transfers hidden%n",
                        seconds,
                        boundLane,
                        100 * pipelineEfficiency,
                        100 * hiddenTransfer));
        lanes.forEach((name, use) ->
                text.append(
                        String.format(
                                Locale.ROOT,
                                "%-10s  busy %.3f s  %,d bytes%n",
                                name,
                                use.busySeconds(),
                                use.bytes())));
        return text.toString();
    }
}
