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
import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Settings;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** {@code millrace eval}. */
@Command(
        name = "eval",
        customSynopsis = "millrace eval --model=DIR --data=FILE [OPTION]...",
        description = "Compute a model's loss, accuracy or answers on a file of examples.")
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
            description = "Examples: a data file of any kind, or a folder of them.")
    private Path data;

    @Option(
            names = "--metric",
            paramLabel = "NAME",
            description =
                    "loss, accuracy, f1, exact-match or perplexity. Default: the task's, else loss.")
    private Metric metric;

    @Option(
            names = "--stride",
            paramLabel = "N",
            description =
                    "Running text: windows of --seq-len begin N tokens apart, and each scores what"
                            + " the one before it did not have.")
    private Integer stride;

    @Option(
            names = "--demonstrations",
            paramLabel = "N",
            description =
                    "With --task: N solved rows before each that is asked, drawn from --train."
                            + " A sample of its own for each row, or with --sample-seed one for all.")
    private Integer demonstrations;

    @Option(
            names = "--train",
            paramLabel = "FILE",
            description = "With --demonstrations: the task's training part.")
    private Path train;

    @Option(
            names = "--max-new-tokens",
            paramLabel = "N",
            description = "Most tokens of an answer, for f1 and exact-match. Default: 50.")
    private int maxNewTokens = 50;

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
        TaskConfig task = new TaskConfig(told);
        EvalResult result =
                context.engine()
                        .eval(
                                new EvalConfig(
                                        context.models().folder(model),
                                        data,
                                        asked(task),
                                        task,
                                        batchSize,
                                        new MemoryConfig(told),
                                        adapter.folder()));
        if (json.wanted()) {
            context.printJson(answer(result));
        } else {
            context.print(
                    RunReporter.describe(result.loss(), result.accuracy())
                            + others(result)
                            + String.format(
                                    Locale.ROOT,
                                    "  (%,d examples, %,d scored tokens)",
                                    result.examples(),
                                    result.tokens()));
        }
        return ExitCode.DONE;
    }

    private Map<String, Object> answer(EvalResult result) {
        Map<String, Object> answer = RunAnswer.of(result);
        if (metric == Metric.PERPLEXITY) {
            answer.put("perplexity", CommandContext.orNull(Math.exp(result.loss())));
        }
        return answer;
    }

    /** What was asked for beside loss and accuracy. */
    private String others(EvalResult result) {
        StringBuilder text = new StringBuilder();
        for (Metric one : List.of(Metric.F1, Metric.EXACT_MATCH)) {
            result.of(one)
                    .ifPresent(value ->
                            text.append(
                                    String.format(Locale.ROOT, "  %s %.4f", one.label(), value)));
        }
        if (metric == Metric.PERPLEXITY) {
            double perplexity = Math.exp(result.loss());
            text.append(String.format(Locale.ROOT, "  perplexity %.4f", perplexity));
        }
        return text.toString();
    }

    private EvalConfig.Asked asked(TaskConfig task) {
        if (demonstrations == null && train != null) {
            throw new BadInputException(
                    "--train", "is given without --demonstrations", "add it, or leave it out");
        }
        if (demonstrations != null && train == null) {
            throw new BadInputException(
                    "--demonstrations",
                    "are drawn from a training part, and none is given",
                    "name it with --train");
        }
        Optional<Metric> usual =
                task.task().isPresent() ? Optional.empty() : Optional.of(Metric.LOSS);
        return new EvalConfig.Asked(
                Optional.ofNullable(metric).or(() -> usual),
                stride == null ? OptionalInt.empty() : OptionalInt.of(stride),
                Optional.ofNullable(demonstrations)
                        .map(each -> new EvalConfig.Demonstrations(each, train)),
                maxNewTokens);
    }
}
