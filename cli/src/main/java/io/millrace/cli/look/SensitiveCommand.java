package io.millrace.cli.look;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.Described;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.option.RunLine;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.search.SearchConfig;
import io.millrace.executor.search.SensitiveConfig;
import io.millrace.executor.search.SensitiveResult;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.option.Settings;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** {@code millrace sensitive}. */
@Command(
        name = "sensitive",
        customSynopsis = "millrace sensitive --model=DIR --train=FILE --out=FILE [OPTION]...",
        description =
                "Choose the elements that the loss is most sensitive to, for tune --mask indices.")
public final class SensitiveCommand implements Callable<Integer>, Described {
    private final CommandContext context;

    @Option(
            names = "--train",
            paramLabel = "FILE",
            description = "Examples whose loss it is: a data file of any kind.")
    private Path train;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "FILE",
            description = "Safetensors to write: <tensor>.indices.")
    private Path out;

    @Option(
            names = "--share",
            paramLabel = "F",
            description = "Share of the elements of all trained tensors. Default: 0.001.")
    private double share = 0.001;

    @Option(
            names = "--by",
            paramLabel = "WHAT",
            description =
                    "gradient: the mean over batches of the squared slope that all directions"
                            + " estimate; squares: the mean of (g z)^2, which needs far more of"
                            + " them; magnitude: the parameter's, without data. Default: gradient.")
    private SensitiveConfig.By by = SensitiveConfig.By.GRADIENT;

    @Option(
            names = "--directions",
            paramLabel = "N",
            description = "Directions along which slopes are taken. Default: 1024.")
    private int directions = 1024;

    @Option(
            names = "--batch-size",
            paramLabel = "B",
            description = "Examples of a batch, each with slopes of its own. Default: 16.")
    private int batchSize = 16;

    @Option(
            names = "--together",
            paramLabel = "Q",
            description =
                    "Directions that pass through a block together: more take more memory and fewer"
                            + " reads of the model. Default: 8.")
    private int together = 8;

    @Mixin private JsonOption json = new JsonOption();

    private RunLine run;

    public SensitiveCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public void describe(CommandSpec command) {
        run =
                RunLine.of(command)
                        .require(TuneConfig.MODEL)
                        .take(TaskConfig.OPTIONS)
                        .take(
                                List.of(
                                        ArithmeticConfig.EPS,
                                        ArithmeticConfig.SEED,
                                        Directions.KINDS.naming(),
                                        TrainedTensors.TUNE,
                                        ArithmeticConfig.MATMUL,
                                        ArithmeticConfig.DTYPE))
                        .take(MemoryConfig.OPTIONS)
                        .atTheEnd();
    }

    @Override
    public Integer call() {
        SensitiveConfig config = config();
        SensitiveResult result =
                new WorkLine(context)
                        .during((stop, progress) ->
                                context.engine().sensitive(config, stop, progress));
        if (result.interrupted()) {
            context.err().println("millrace: stopped before all slopes were there: no file");
            context.err().flush();
            return ExitCode.INTERRUPTED;
        }
        if (json.wanted()) {
            context.printJson(answer(config, result));
        } else {
            print(config, result);
        }
        return ExitCode.DONE;
    }

    private SensitiveConfig config() {
        Settings told = context.models().found(run.told());
        return new SensitiveConfig(
                told.get(TuneConfig.MODEL),
                out,
                Optional.ofNullable(train)
                        .map(file ->
                                new SearchConfig.Data(
                                        file, Optional.empty(), new TaskConfig(told), batchSize)),
                new SensitiveConfig.Choice(share, by, directions, together),
                TuneConfig.builder(told).arithmetic(),
                new MemoryConfig(told));
    }

    private void print(SensitiveConfig config, SensitiveResult result) {
        context.print("    chosen      elements     share  tensor");
        for (SensitiveResult.Chosen tensor : result.tensors()) {
            context.print(
                    String.format(
                            Locale.ROOT,
                            "%,10d  %,12d  %8.6f  %s",
                            tensor.chosen(),
                            tensor.elements(),
                            (double) tensor.chosen() / tensor.elements(),
                            tensor.name()));
        }
        context.print(
                String.format(
                        Locale.ROOT,
                        "%,d of %,d elements; the least of them scores %g",
                        result.chosen(),
                        result.elements(),
                        result.score()));
        context.print("done: " + config.out());
    }

    private static Map<String, Object> answer(SensitiveConfig config, SensitiveResult result) {
        Map<String, Object> tensors = new LinkedHashMap<>();
        result.tensors().forEach(tensor -> tensors.put(tensor.name(), tensor.chosen()));
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("chosen", result.chosen());
        answer.put("elements", result.elements());
        answer.put("least_score", (double) result.score());
        answer.put("tensors", tensors);
        answer.put("out", config.out().toString());
        return answer;
    }
}
