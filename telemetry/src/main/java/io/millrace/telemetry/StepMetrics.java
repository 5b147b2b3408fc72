package io.millrace.telemetry;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The figures of one step, as a line of {@code metrics.jsonl} has them.
 *
 * @param step from 1
 * @param loss mean of L+ and L− over the step's queries
 * @param projectedGrad mean of the queries' projected gradients
 * @param lr learning rate of this step
 * @param tokens tokens of the step's batch
 * @param overlap the step's lanes and length
 * @param operators what the workers of a CPU did
 * @param counts what was counted beside the lanes
 */
public record StepMetrics(
        long step,
        double loss,
        double projectedGrad,
        double lr,
        long tokens,
        StepOverlap overlap,
        OperatorUse operators,
        Counts counts) {
    /**
     * What was counted beside a step's lanes.
     *
     * @param droppedSpans spans that the recorder dropped, and which the overlap therefore misses
     * @param driveBytes of blocks that this worker read where several read for each other
     * @param peerBytes of blocks that others read for it
     */
    public record Counts(long droppedSpans, long driveBytes, long peerBytes) {}

    /** Of a worker that reads all its blocks itself. */
    public StepMetrics(
            long step,
            double loss,
            double projectedGrad,
            double lr,
            long tokens,
            StepOverlap overlap,
            OperatorUse operators,
            long droppedSpans) {
        this(
                step,
                loss,
                projectedGrad,
                lr,
                tokens,
                overlap,
                operators,
                new Counts(droppedSpans, 0, 0));
    }

    /** Spans that the recorder dropped. */
    public long droppedSpans() {
        return counts.droppedSpans();
    }

    /** Tokens of the batch over the step's length; 0 for a step without length. */
    public double tokensPerSecond() {
        return overlap.seconds() > 0 ? tokens / overlap.seconds() : 0;
    }

    /**
     * The fields of the line, in its order; {@code operator_seconds}, {@code slices} and {@code
     * dropped_spans} only where there are any.
     */
    public Map<String, Object> fields() {
        Map<String, Object> lanes = new LinkedHashMap<>();
        overlap.lanes()
                .forEach((lane, use) -> {
                    Map<String, Object> figures = new LinkedHashMap<>();
                    figures.put("busy_seconds", use.busySeconds());
                    figures.put("bytes", use.bytes());
                    lanes.put(lane.label(), figures);
                });
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("step", step);
        line.put("loss", loss);
        line.put("projected_grad", projectedGrad);
        line.put("lr", lr);
        line.put("step_seconds", overlap.seconds());
        line.put("tokens", tokens);
        line.put("tokens_per_second", tokensPerSecond());
        line.put("lanes", lanes);
        line.put("hidden_transfer", overlap.hiddenTransfer());
        line.put("exposed_transfer_seconds", overlap.exposedTransferSeconds());
        line.put("compute_utilisation", overlap.computeUtilisation());
        line.put("pipeline_efficiency", overlap.pipelineEfficiency());
        line.put("bound_lane", overlap.boundLane().label());
        if (operators.workers() > 0) {
            line.put("operator_seconds", operators.fields(overlap.seconds()));
        }
        if (counts.driveBytes() + counts.peerBytes() > 0) {
            Map<String, Object> slices = new LinkedHashMap<>();
            slices.put("drive_bytes", counts.driveBytes());
            slices.put("peer_bytes", counts.peerBytes());
            line.put("slices", slices);
        }
        if (counts.droppedSpans() > 0) {
            line.put("dropped_spans", counts.droppedSpans());
        }
        return line;
    }
}
