package io.millrace.telemetry.report;

import io.millrace.telemetry.Lane;
import io.millrace.telemetry.LaneUse;
import io.millrace.telemetry.MemorySampler;
import io.millrace.telemetry.RunFacts;
import io.millrace.telemetry.SpanLog;
import io.millrace.telemetry.StepMetrics;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What the measured steps of a run showed.
 *
 * @param facts the run
 * @param warmSteps steps taken before, which nothing here counts
 * @param steps the measured steps in order, at least one
 * @param spans every span that is to be drawn
 * @param blockSeconds for each block the seconds a step of each lane, in the lanes' order
 * @param blockWaitSeconds for each block the seconds a step in which nothing computed before it
 * @param memory samples of {@code facts.memory()} in order, then of the process
 * @param peakBytes the most ever held, of {@code facts.memory()} in order
 */
public record Profile(
        RunFacts facts,
        int warmSteps,
        List<Step> steps,
        SpanLog spans,
        double[][] blockSeconds,
        double[] blockWaitSeconds,
        MemorySampler memory,
        long[] peakBytes) {
    /** Refuses a profile without steps. */
    public Profile {
        if (steps.isEmpty()) {
            throw new IllegalArgumentException("no step was measured");
        }
        steps = List.copyOf(steps);
    }

    /**
     * One measured step.
     *
     * @param metrics its figures
     * @param startNs when it began, on the recorder's clock
     * @param endNs when it ended
     * @param waits what it waited for
     */
    public record Step(StepMetrics metrics, long startNs, long endNs, Waits waits) {}

    /** When the first measured step began. */
    public long originNs() {
        return steps.getFirst().startNs();
    }

    /** Median over the steps. */
    public double median(ToDoubleFunction<Step> figure) {
        double[] sorted = steps.stream().mapToDouble(figure).sorted().toArray();
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /** Mean over the steps. */
    public double mean(ToDoubleFunction<Step> figure) {
        return steps.stream().mapToDouble(figure).average().orElseThrow();
    }

    /** Median length of a step. */
    public double stepSeconds() {
        return median(step -> step.metrics().overlap().seconds());
    }

    /** What a lane did in a step, in the mean. */
    public LaneUse meanUse(Lane lane) {
        return new LaneUse(
                mean(step -> step.metrics().overlap().lanes().get(lane).busySeconds()),
                Math.round(
                        mean(step -> (double) step.metrics().overlap().lanes().get(lane).bytes())));
    }

    /** Bytes of the blocks that only pass through memory. */
    public long streamedBytes() {
        return facts.blocks().stream()
                .filter(block -> block.home().equals("nvme"))
                .mapToLong(RunFacts.BlockFact::bytes)
                .sum();
    }

    /** The lane that is the busiest in most steps; the earliest of them where they tie. */
    public Lane boundLane() {
        int[] counts = new int[Lane.values().length];
        steps.forEach(step -> counts[step.metrics().overlap().boundLane().index()]++);
        int most = Arrays.stream(counts).max().orElseThrow();
        for (Lane lane : Lane.values()) {
            if (counts[lane.index()] == most) {
                return lane;
            }
        }
        throw new IllegalStateException("no lane was bound");
    }
}
