package io.millrace.cli.look;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.Described;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.option.RunLine;
import io.millrace.cli.run.RunAnswer;
import io.millrace.cli.run.RunReporter;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.Seeds;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.run.EvalResult;
import io.millrace.executor.search.DirectionScore;
import io.millrace.executor.search.SearchConfig;
import io.millrace.executor.search.SearchResult;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.objective.Objective;
import io.millrace.optim.objective.Objectives;
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

/** {@code millrace search}. */
@Command(
        name = "search",
        customSynopsis = "millrace search --model=DIR --data=FILE --out=DIR [OPTION]...",
        description =
                "Try directions around a model that is only read, and save it moved along the best:"
                        + " a baseline.")
public final class SearchCommand implements Callable<Integer>, Described {
    private final CommandContext context;

    @Option(
            names = "--data",
            required = true,
            paramLabel = "FILE",
            description = "Examples to score directions on: a data file of any kind.")
    private Path data;

    @Option(
            names = "--eval-data",
            paramLabel = "FILE",
            description = "Held-out examples: evaluate the base and the result on them.")
    private Path heldOut;

    @Option(
            names = "--directions",
            paramLabel = "N",
            description = "Directions to try. Default: 64.")
    private int directions = 64;

    @Option(
            names = "--keep",
            paramLabel = "K",
            description =
                    "Move by eps times the mean of the best K, of one by all of it. Default: 8.")
    private int keep = 8;

    @Option(
            names = "--batch-size",
            paramLabel = "B",
            description = "Examples that pass through a block together. Default: 16.")
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

    public SearchCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public void describe(CommandSpec command) {
        run =
                RunLine.of(command)
                        .require(TuneConfig.MODEL)
                        .require(OutputConfig.OUT, "Folder for the model that is found.")
                        .take(TaskConfig.OPTIONS)
                        .take(List.of(ArithmeticConfig.EPS, ArithmeticConfig.SEED))
                        .take(Objectives.KINDS.withNaming())
                        .take(Directions.KINDS.withNaming())
                        .take(
                                List.of(
                                        TrainedTensors.TUNE,
                                        ArithmeticConfig.ROUNDING,
                                        ArithmeticConfig.MATMUL,
                                        ArithmeticConfig.DTYPE))
                        .take(MemoryConfig.OPTIONS)
                        .take(List.of(OutputConfig.RESUME))
                        .atTheEnd();
    }

    @Override
    public Integer call() {
        SearchConfig config = config();
        SearchResult result =
                new WorkLine(context)
                        .during((stop, progress) ->
                                context.engine().search(config, stop, progress));
        if (result.interrupted()) {
            context.err().println("millrace: the same command with --resume goes on from here");
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

    private SearchConfig config() {
        Settings told = context.models().found(run.told());
        double eps = told.get(ArithmeticConfig.EPS);
        return new SearchConfig(
                told.get(TuneConfig.MODEL),
                told.get(OutputConfig.OUT),
                new SearchConfig.Data(
                        data, Optional.ofNullable(heldOut), new TaskConfig(told), batchSize),
                new SearchConfig.Choice(directions, keep, together),
                TuneConfig.builder(told).steps(1).lr(eps).arithmetic(),
                new MemoryConfig(told),
                told.find(OutputConfig.RESUME).orElse(false));
    }

    private void print(SearchConfig config, SearchResult result) {
        context.print(
                String.format(Locale.ROOT, "%s at the base: %.6f", value(config), result.base()));
        context.print("direction                seed     value    change");
        for (DirectionScore score : result.scores().subList(0, result.kept())) {
            context.print(
                    String.format(
                            Locale.ROOT,
                            "%9d  %s  %8.6f  %+8.6f",
                            score.direction(),
                            Seeds.format(score.seed()),
                            score.value(),
                            score.value() - result.base()));
        }
        long better = result.scores().stream().filter(one -> one.value() < result.base()).count();
        context.print(
                String.format(
                        Locale.ROOT,
                        "%d of %d directions are better than the base; the worst is %.6f",
                        better,
                        result.scores().size(),
                        result.scores().getLast().value()));
        held("before", result.before());
        held("after", result.after());
        context.print("done: " + config.out());
    }

    private void held(String when, EvalResult result) {
        if (result != null) {
            context.print(when + ": " + RunReporter.describe(result.loss(), result.accuracy()));
        }
    }

    private static String value(SearchConfig config) {
        Objective objective = config.arithmetic().objective();
        return objective.isShare() ? "1 - " + objective.name() : objective.name();
    }

    private static Map<String, Object> answer(SearchConfig config, SearchResult result) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("objective", config.arithmetic().objective().name());
        answer.put("base_value", CommandContext.orNull(result.base()));
        answer.put("kept", result.kept());
        answer.put("scores", result.scores().stream().map(SearchCommand::fields).toList());
        answer.put("eval_before", RunAnswer.of(result.before()));
        answer.put("eval_after", RunAnswer.of(result.after()));
        answer.put("out", config.out().toString());
        return answer;
    }

    private static Map<String, Object> fields(DirectionScore score) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("direction", score.direction());
        fields.put("seed", Seeds.format(score.seed()));
        fields.put("value", CommandContext.orNull(score.value()));
        return fields;
    }
}
