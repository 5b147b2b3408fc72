package io.millrace.cli.run;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.context.Failure;
import io.millrace.executor.config.ManyConfigs;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.many.ManyRuns;
import io.millrace.executor.run.EvalResult;
import io.millrace.executor.run.RunSummary;
import io.millrace.optim.option.Settings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** {@code millrace tune --adapters}: several adapters in passes that they share. */
public final class TuneMany {
    private final CommandContext context;
    private final Settings told;
    private final List<TuneConfig> configs;

    /**
     * What was asked for.
     *
     * @param told of all of them
     * @throws io.millrace.memory.BadInputException where that are no runs that share passes
     */
    public TuneMany(CommandContext context, Settings told) {
        this.context = context;
        this.told = told;
        configs = ManyConfigs.of(told);
    }

    /**
     * Tunes them, and tells how they ended.
     *
     * @param json whether a program wants to know
     * @return the exit code
     */
    public int call(boolean json) {
        ManyReporter reporter = new ManyReporter(context, configs.size());
        List<ManyRuns.Outcome> outcomes =
                reporter.watch(() -> context.engine().tuneMany(configs, reporter));
        if (json) {
            context.printJson(Map.of("adapters", answers(outcomes)));
        } else {
            table(outcomes).forEach(context::print);
        }
        boolean failed = false;
        boolean interrupted = false;
        for (int run = 0; run < outcomes.size(); run++) {
            interrupted |= outcomes.get(run).interrupted();
            if (outcomes.get(run).failure().isPresent()) {
                failed = true;
                String line = Failure.of(outcomes.get(run).failure().get()).line();
                context.err()
                        .println(
                                "millrace: adapter "
                                        + (run + 1)
                                        + line.substring(line.indexOf(':')));
            }
        }
        if (interrupted) {
            context.err().println("millrace: the same command with --resume goes on from here");
        }
        context.err().flush();
        if (failed) {
            return ExitCode.FAILED;
        }
        return interrupted ? ExitCode.INTERRUPTED : ExitCode.DONE;
    }

    private List<String> table(List<ManyRuns.Outcome> outcomes) {
        List<String> lines = new ArrayList<>();
        lines.add(row("adapter", "with", "steps", "loss", "held-out loss", "folder"));
        for (int run = 0; run < outcomes.size(); run++) {
            String number = Integer.toString(run + 1);
            String with = ManyConfigs.difference(told, run);
            String folder = configs.get(run).output().out().toString();
            ManyRuns.Outcome end = outcomes.get(run);
            lines.add(
                    end.summary()
                            .map(summary ->
                                    row(
                                            number,
                                            with,
                                            Long.toString(summary.stepsDone()),
                                            loss(summary.lastLoss()),
                                            heldOut(summary),
                                            folder))
                            .orElseGet(() -> row(number, with, "", "failed", "", folder)));
        }
        return lines;
    }

    private static String row(
            String number, String with, String steps, String loss, String heldOut, String folder) {
        return String.format(
                Locale.ROOT,
                "%-8s %-32s %7s %10s  %-24s  %s",
                number,
                with,
                steps,
                loss,
                heldOut,
                folder);
    }

    private static String loss(double loss) {
        return Double.isNaN(loss) ? "" : String.format(Locale.ROOT, "%.4f", loss);
    }

    private static String heldOut(RunSummary summary) {
        EvalResult before = summary.before();
        EvalResult after = summary.after();
        if (after == null) {
            return "";
        }
        return (before == null ? "" : loss(before.loss()) + " -> ") + loss(after.loss());
    }

    private List<Map<String, Object>> answers(List<ManyRuns.Outcome> outcomes) {
        List<Map<String, Object>> answers = new ArrayList<>();
        for (int run = 0; run < outcomes.size(); run++) {
            TuneConfig config = configs.get(run);
            Map<String, Object> answer = new LinkedHashMap<>();
            answer.put("adapter", run + 1);
            answer.put("with", ManyConfigs.difference(told, run));
            ManyRuns.Outcome end = outcomes.get(run);
            end.summary().ifPresent(summary -> answer.putAll(RunAnswer.of(config, summary)));
            end.failure()
                    .ifPresent(failure -> {
                        answer.put("failed", Failure.of(failure).line());
                        answer.put("out", config.output().out().toString());
                    });
            answers.add(answer);
        }
        return answers;
    }
}
