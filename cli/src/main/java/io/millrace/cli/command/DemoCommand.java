package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.Converters;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.run.RunReporter;
import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.GivenPaths;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.run.EvalResult;
import io.millrace.executor.run.RunSummary;
import io.millrace.memory.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code millrace demo}. */
@Command(
        name = "demo",
        description = "Tune the bundled sample model; show loss and accuracy before and after.")
public final class DemoCommand implements Callable<Integer> {
    private static final TaskConfig TASK =
            new TaskConfig(
                    Optional.of("{text} verdict :"),
                    List.of(" terrible", " great"),
                    OptionalInt.empty(),
                    true);
    private static final int EVAL_BATCH = 50;

    private final CommandContext context;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Folder for the tuned model. Default: a new temporary one.")
    private Path out;

    @Option(names = "--steps", paramLabel = "N", description = "Steps. Default: ${DEFAULT-VALUE}.")
    private long steps = 5000;

    @Option(
            names = "--seed",
            paramLabel = "S",
            converter = Converters.Seed.class,
            description = "64 bits, decimal or 0x... Default: 0.")
    private long seed;

    @Mixin private JsonOption json = new JsonOption();

    public DemoCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() throws IOException {
        Path samples = context.samples();
        if (out != null) {
            GivenPaths.requireFolder("--out", out);
        }
        Path model = samples.resolve("tiny-lm");
        Path test = samples.resolve("reviews-test.jsonl");
        Path tuned =
                out == null ? Files.createTempDirectory("millrace-demo-").resolve("tuned") : out;
        TuneConfig config =
                TuneConfig.builder(model, samples.resolve("reviews-train.jsonl"), tuned)
                        .task(TASK)
                        .steps(steps)
                        .seed(seed)
                        .batchSize(8)
                        .optimizer("mezo-adam")
                        .lr(5e-4)
                        .schedule("linear")
                        .dtype(DType.F32)
                        .build();
        RunReporter reporter = new RunReporter(context);
        EvalResult before = evaluate(model, test);
        report("before", before);
        RunSummary run = reporter.watch(() -> context.engine().tune(config, reporter));
        if (run.interrupted()) {
            return ExitCode.INTERRUPTED;
        }
        EvalResult after = evaluate(tuned, test);
        report("after", after);
        Path journal = tuned.resolve("journal.jsonl");
        if (json.wanted()) {
            context.printJson(answer(before, after, tuned, journal));
        } else {
            context.print("tuned model      " + tuned);
            context.print("journal          " + journal + " (" + Files.size(journal) + " bytes)");
            context.print(
                    "rebuild it with  millrace replay --model "
                            + model
                            + " --journal "
                            + journal
                            + " --out "
                            + tuned.resolveSibling("replayed"));
        }
        return ExitCode.DONE;
    }

    private EvalResult evaluate(Path model, Path test) {
        return context.engine()
                .eval(
                        new EvalConfig(
                                model,
                                test,
                                Metric.ACCURACY,
                                TASK,
                                EVAL_BATCH,
                                MemoryConfig.DEFAULT));
    }

    private void report(String when, EvalResult result) {
        if (!json.wanted()) {
            context.print(
                    String.format(
                            Locale.ROOT,
                            "%-6s  accuracy %.3f  loss %.3f  (%,d reviews it is not tuned on)",
                            when,
                            result.accuracy(),
                            result.loss(),
                            result.examples()));
        }
    }

    private Map<String, Object> answer(
            EvalResult before, EvalResult after, Path tuned, Path journal) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("accuracy_before", before.accuracy());
        answer.put("accuracy_after", after.accuracy());
        answer.put("loss_before", before.loss());
        answer.put("loss_after", after.loss());
        answer.put("steps", steps);
        answer.put("out", tuned.toString());
        answer.put("journal", journal.toString());
        return answer;
    }
}
