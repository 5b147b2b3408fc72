package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.AdapterOption;
import io.millrace.cli.option.Described;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.option.RunLine;
import io.millrace.cli.run.RunAnswer;
import io.millrace.cli.run.RunReporter;
import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.run.EvalResult;
import io.millrace.optim.option.Settings;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** {@code millrace eval}. */
@Command(
        name = "eval",
        customSynopsis = "millrace eval --model=DIR --data=FILE [OPTION]...",
        description = "Compute a model's loss or accuracy on a file of examples.")
public final class EvalCommand implements Callable<Integer>, Described {
    private final CommandContext context;

    @Option(
            names = "--model",
            required = true,
            paramLabel = "DIR",
            description = "The model: a Hugging Face folder, or owner/name on the hub.")
    private Path model;

    @Option(
            names = "--data",
            required = true,
            paramLabel = "FILE",
            description = "Examples: .jsonl or .txt.")
    private Path data;

    @Option(
            names = "--metric",
            paramLabel = "NAME",
            description = "loss or accuracy. Default: loss.")
    private Metric metric = Metric.LOSS;

    @Option(
            names = "--batch-size",
            paramLabel = "B",
            description = "Examples that pass through a block together. Default: 16.")
    private int batchSize = 16;

    @Mixin private AdapterOption adapter = new AdapterOption();

    @Mixin private JsonOption json = new JsonOption();

    private RunLine run;

    public EvalCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public void describe(CommandSpec command) {
        run = RunLine.of(command).take(TaskConfig.OPTIONS).take(MemoryConfig.OPTIONS).atTheEnd();
    }

    @Override
    public Integer call() {
        Settings told = run.told();
        EvalResult result =
                context.engine()
                        .eval(
                                new EvalConfig(
                                        context.models().folder(model),
                                        data,
                                        metric,
                                        new TaskConfig(told),
                                        batchSize,
                                        new MemoryConfig(told),
                                        adapter.folder()));
        if (json.wanted()) {
            context.printJson(RunAnswer.of(result));
        } else {
            context.print(
                    RunReporter.describe(result.loss(), result.accuracy())
                            + String.format(
                                    Locale.ROOT,
                                    "  (%,d examples, %,d scored tokens)",
                                    result.examples(),
                                    result.tokens()));
        }
        return ExitCode.DONE;
    }
}
