package io.millrace.telemetry.report;

import java.util.List;

/** What evaluations tell of a run beside the loss. */
enum RunMetric {
    ACCURACY("eval_accuracy", "Accuracy"),
    F1("eval_f1", "F1"),
    EXACT_MATCH("eval_exact_match", "Exact match");

    final String field;
    final String title;

    RunMetric(String field, String title) {
        this.field = field;
        this.title = title;
    }

    /** Those that a run has. */
    static List<RunMetric> of(RunRecord run) {
        return List.of(values()).stream()
                .filter(metric -> !Double.isNaN(run.lastEvaluation(metric.field)))
                .toList();
    }
}
