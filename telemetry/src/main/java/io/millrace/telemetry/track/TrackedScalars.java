package io.millrace.telemetry.track;

import io.millrace.telemetry.EvalMetrics;
import io.millrace.telemetry.StepMetrics;
import io.millrace.telemetry.StepOverlap;
import java.util.LinkedHashMap;
import java.util.Map;

/** A run's figures under the names that trackers show: a group, and what it is. */
final class TrackedScalars {
    private static final String EVAL = "eval_";

    private TrackedScalars() {}

    /** Of a step. */
    static Map<String, Double> of(StepMetrics metrics) {
        StepOverlap overlap = metrics.overlap();
        Map<String, Double> scalars = new LinkedHashMap<>();
        scalars.put("train/loss", metrics.loss());
        scalars.put("train/slope", metrics.projectedGrad());
        scalars.put("train/lr", metrics.lr());
        scalars.put("speed/tokens_per_second", metrics.tokensPerSecond());
        scalars.put("speed/step_seconds", overlap.seconds());
        scalars.put("overlap/hidden_transfer", overlap.hiddenTransfer());
        scalars.put("overlap/exposed_transfer_seconds", overlap.exposedTransferSeconds());
        scalars.put("overlap/compute_utilisation", overlap.computeUtilisation());
        scalars.put("overlap/pipeline_efficiency", overlap.pipelineEfficiency());
        return scalars;
    }

    /** Of an evaluation. */
    static Map<String, Double> of(EvalMetrics metrics) {
        Map<String, Double> scalars = new LinkedHashMap<>();
        metrics.fields()
                .forEach((name, value) -> {
                    if (name.startsWith(EVAL) && value instanceof Double number) {
                        scalars.put("eval/" + name.substring(EVAL.length()), number);
                    }
                });
        return scalars;
    }
}
