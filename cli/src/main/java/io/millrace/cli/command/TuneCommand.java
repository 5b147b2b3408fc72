package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.ArithmeticOptions;
import io.millrace.cli.option.DataOptions;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.option.MemoryOptions;
import io.millrace.cli.option.MetricsOptions;
import io.millrace.cli.option.OutputOptions;
import io.millrace.cli.option.TaskOptions;
import io.millrace.executor.config.Keep;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.run.EvalResult;
import io.millrace.executor.run.RunSummary;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code millrace tune}. */
@Command(
        name = "tune",
        customSynopsis = "millrace tune --model=DIR --train=FILE --out=DIR [OPTION]...",
        description = "Tune a model on a file of examples, with forward passes only.")
public final class TuneCommand implements Callable<Integer> {
    private final CommandContext context;

    @Option(
            names = "--model",
            required = true,
            paramLabel = "DIR",
            description = "Hugging Face folder of the base model; it is only read.")
    private Path model;

    @Option(
            names = "--train",
            required = true,
            paramLabel = "FILE",
            description = "Examples: .jsonl or .txt.")
    private Path train;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "DIR",
            description = "Folder for the tuned model, the journal and the metrics.")
    private Path out;

    @Mixin private JsonOption json = new JsonOption();

    @Mixin private DataOptions data = new DataOptions();

    @Mixin private TaskOptions task = new TaskOptions();

    @Mixin private ArithmeticOptions arithmetic = new ArithmeticOptions();

    @Mixin private MemoryOptions memory = new MemoryOptions();

    @Mixin private OutputOptions output = new OutputOptions();

    @Mixin private MetricsOptions metrics = new MetricsOptions();

    public TuneCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        TuneConfig config = config();
        RunReporter reporter = new RunReporter(context);
        RunSummary summary = reporter.watch(() -> context.engine().tune(config, reporter));
        if (json.wanted()) {
            context.printJson(answer(summary));
        } else {
            if (summary.alreadyDone() && summary.after() != null) {
                EvalResult last = summary.after();
                context.print(RunReporter.describe(last.loss(), last.accuracy()));
            }
            context.print(
                    String.format(
                            Locale.ROOT,
                            "%s after step %d, loss %.4f: %s%s",
                            state(summary),
                            summary.stepsDone(),
                            summary.lastLoss(),
                            out,
                            kept(config, summary)));
        }
        if (summary.interrupted()) {
            context.err().println("millrace: the same command with --resume goes on from here");
            context.err().flush();
            return ExitCode.INTERRUPTED;
        }
        return ExitCode.DONE;
    }

    private static String state(RunSummary summary) {
        if (summary.alreadyDone()) {
            return "nothing left to do: done";
        }
        return summary.interrupted() ? "interrupted" : "done";
    }

    private TuneConfig config() {
        TuneConfigBuilder builder = TuneConfig.builder(model, train, out);
        data.applyTo(builder);
        builder.task(task.config());
        arithmetic.applyTo(builder);
        builder.memory(memory.config());
        output.applyTo(builder);
        metrics.applyTo(builder);
        return builder.build();
    }

    private static String kept(TuneConfig config, RunSummary summary) {
        return summary.interrupted() || config.output().keep() == Keep.LAST
                ? ""
                : ", the weights of step " + summary.keptStep();
    }

    private Map<String, Object> answer(RunSummary summary) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("steps_done", summary.stepsDone());
        answer.put("interrupted", summary.interrupted());
        answer.put("already_done", summary.alreadyDone());
        answer.put("last_loss", CommandContext.orNull(summary.lastLoss()));
        answer.put("eval_before", EvalCommand.answer(summary.before()));
        answer.put("eval_after", EvalCommand.answer(summary.after()));
        answer.put("kept_step", summary.interrupted() ? null : summary.keptStep());
        answer.put("out", out.toString());
        return answer;
    }
}
