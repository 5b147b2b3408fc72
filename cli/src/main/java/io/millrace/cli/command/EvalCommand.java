package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.option.MemoryOptions;
import io.millrace.cli.option.TaskOptions;
import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.run.EvalResult;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code millrace eval}. */
@Command(
        name = "eval",
        customSynopsis = "millrace eval --model=DIR --data=FILE [OPTION]...",
        description = "Compute a model's loss or accuracy on a file of examples.")
public final class EvalCommand implements Callable<Integer> {
    private final CommandContext context;

    @Option(
            names = "--model",
            required = true,
            paramLabel = "DIR",
            description = "Hugging Face folder.")
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

    @Mixin private JsonOption json = new JsonOption();

    @Mixin private TaskOptions task = new TaskOptions();

    @Mixin private MemoryOptions memory = new MemoryOptions();

    public EvalCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        EvalResult result =
                context.engine()
                        .eval(
                                new EvalConfig(
                                        model,
                                        data,
                                        metric,
                                        task.config(),
                                        batchSize,
                                        memory.config()));
        if (json.wanted()) {
            context.printJson(answer(result));
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

    /** An evaluation for a program; null where there was none. */
    static Map<String, Object> answer(EvalResult result) {
        if (result == null) {
            return null;
        }
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("loss", CommandContext.orNull(result.loss()));
        answer.put("accuracy", CommandContext.orNull(result.accuracy()));
        if (result.examples() > 0) {
            answer.put("examples", result.examples());
            answer.put("tokens", result.tokens());
        }
        return answer;
    }
}
