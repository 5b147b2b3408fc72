package io.millrace.cli.run;

import io.millrace.cli.context.CommandContext;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.run.EvalResult;
import io.millrace.executor.run.RunSummary;
import java.util.LinkedHashMap;
import java.util.Map;

/** How a run ended, for a program. */
public final class RunAnswer {
    private RunAnswer() {}

    /** A run that tuned. */
    public static Map<String, Object> of(TuneConfig config, RunSummary summary) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("steps_done", summary.stepsDone());
        answer.put("interrupted", summary.interrupted());
        answer.put("already_done", summary.alreadyDone());
        answer.put("last_loss", CommandContext.orNull(summary.lastLoss()));
        if (config.arithmetic().objective().isShare()) {
            answer.put("steps_without_signal", summary.flatSteps());
        }
        answer.put("eval_before", of(summary.before()));
        answer.put("eval_after", of(summary.after()));
        if (summary.endedBy() != null) {
            answer.put("ended_by", summary.endedBy());
        }
        answer.put("kept_step", summary.interrupted() ? null : summary.keptStep());
        answer.put("out", summary.out().toString());
        return answer;
    }

    /** An evaluation for a program; null where there was none. */
    public static Map<String, Object> of(EvalResult result) {
        if (result == null) {
            return null;
        }
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("loss", CommandContext.orNull(result.loss()));
        answer.put("accuracy", CommandContext.orNull(result.accuracy()));
        if (!Double.isNaN(result.f1())) {
            answer.put("f1", result.f1());
            answer.put("exact_match", result.exactMatch());
        }
        if (result.examples() > 0) {
            answer.put("examples", result.examples());
            answer.put("tokens", result.tokens());
        }
        return answer;
    }
}
