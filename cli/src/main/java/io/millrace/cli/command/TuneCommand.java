package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.Described;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.option.RunLine;
import io.millrace.cli.plan.DryRun;
import io.millrace.cli.run.RunAnswer;
import io.millrace.cli.run.RunReporter;
import io.millrace.cli.run.TuneMany;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.ManyConfigs;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Methods;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.data.Parallel;
import io.millrace.executor.run.EvalResult;
import io.millrace.executor.run.RunSummary;
import io.millrace.optim.option.Settings;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** {@code millrace tune}. */
@Command(
        name = "tune",
        customSynopsis = {
            "millrace tune --model=DIR --train=FILE --out=DIR [OPTION]...",
            "millrace tune RECIPE [--set OPTION=VALUE]... [OPTION]..."
        },
        description = "Tune a model on a file of examples, with forward passes only.")
public final class TuneCommand implements Callable<Integer>, Described {
    private final CommandContext context;

    @Option(
            names = "--dry-run",
            description =
                    "Read the data, print the plan of the run and how long it takes; write"
                        + " nothing.")
    private boolean dryRun;

    @Mixin private JsonOption json = new JsonOption();

    private RunLine run;

    public TuneCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public void describe(CommandSpec command) {
        run =
                RunLine.of(command)
                        .require(TuneConfig.MODEL)
                        .require(DataConfig.TRAIN)
                        .require(OutputConfig.OUT)
                        .takeRecipe()
                        .take(DataConfig.OPTIONS)
                        .take(TaskConfig.OPTIONS)
                        .take(List.of(Methods.METHOD))
                        .take(ArithmeticConfig.OPTIONS)
                        .take(MemoryConfig.OPTIONS)
                        .take(OutputConfig.OPTIONS)
                        .take(List.of(OutputConfig.METRICS_PORT))
                        .take(Parallel.OPTIONS)
                        .take(ManyConfigs.OPTIONS)
                        .atTheEnd();
    }

    @Override
    public Integer call() {
        Settings told = context.models().found(run.told());
        if (dryRun) {
            new DryRun(context, told, first(told)).show(json.wanted());
            return ExitCode.DONE;
        }
        if (ManyConfigs.areAsked(told)) {
            return new TuneMany(context, told).call(json.wanted());
        }
        TuneConfig config = TuneConfig.builder(told).build();
        RunReporter reporter = new RunReporter(context);
        RunSummary summary = reporter.watch(() -> context.engine().tune(config, reporter));
        if (json.wanted()) {
            context.printJson(RunAnswer.of(config, summary));
        } else {
            if (summary.alreadyDone() && summary.after() != null) {
                EvalResult last = summary.after();
                context.print(RunReporter.describe(last.loss(), last.accuracy()));
            }
            context.print(
                    String.format(
                            Locale.ROOT,
                            "%s after step %d, %s %.4f: %s%s",
                            state(summary),
                            summary.stepsDone(),
                            climbsLoss(config) ? "loss" : "1 - " + objective(config),
                            summary.lastLoss(),
                            config.output().out(),
                            kept(config, summary)));
            if (!climbsLoss(config)) {
                context.print(
                        String.format(
                                Locale.ROOT,
                                "%d of %d steps had no signal: no perturbation changed the %s",
                                summary.flatSteps(),
                                summary.stepsDone(),
                                objective(config)));
            }
        }
        if (summary.interrupted()) {
            context.err().println("millrace: the same command with --resume goes on from here");
            context.err().flush();
            return ExitCode.INTERRUPTED;
        }
        return ExitCode.DONE;
    }

    private static TuneConfig first(Settings told) {
        return ManyConfigs.areAsked(told)
                ? ManyConfigs.of(told).getFirst()
                : TuneConfig.builder(told).build();
    }

    private static String objective(TuneConfig config) {
        return config.arithmetic().objective().name();
    }

    private static boolean climbsLoss(TuneConfig config) {
        return !config.arithmetic().objective().isShare();
    }

    private static String state(RunSummary summary) {
        if (summary.alreadyDone()) {
            return "nothing left to do: done";
        }
        if (summary.endedBy() != null) {
            return "ended by --" + summary.endedBy();
        }
        return summary.interrupted() ? "interrupted" : "done";
    }

    private static String kept(TuneConfig config, RunSummary summary) {
        return summary.interrupted() || !config.output().keep().isBest()
                ? ""
                : ", the weights of step " + summary.keptStep();
    }
}
