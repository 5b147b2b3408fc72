package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.context.Operations;
import io.millrace.cli.look.WorkLine;
import io.millrace.cli.option.Described;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.option.RunLine;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Methods;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.find.EpsTrial;
import io.millrace.executor.find.FindResult;
import io.millrace.executor.find.RateTrial;
import io.millrace.executor.find.StoppedException;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Settings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** {@code millrace find}. */
@Command(
        name = "find",
        customSynopsis = "millrace find --model=DIR --train=FILE [OPTION]...",
        description = "Try learning rates and epsilons for a few steps each, and propose one.")
public final class FindCommand implements Callable<Integer>, Described {
    private static final String ELSEWHERE =
            "start the command in a folder that can be written, or give one with --nvme-dir";

    private final CommandContext context;

    @Option(
            names = "--probe-steps",
            paramLabel = "N",
            description = "Steps that each learning rate is tried for. Default: 20.")
    private int probeSteps = 20;

    @Mixin private JsonOption json = new JsonOption();

    private CommandSpec spec;
    private RunLine run;
    private Settings told;

    public FindCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public void describe(CommandSpec command) {
        spec = command;
        run =
                RunLine.of(command)
                        .require(TuneConfig.MODEL)
                        .require(
                                DataConfig.TRAIN,
                                DataConfig.TRAIN.help() + " The last few are held out to judge by.")
                        .takeRecipe()
                        .take(DataConfig.OPTIONS)
                        .take(TaskConfig.OPTIONS)
                        .take(List.of(Methods.METHOD))
                        .take(ArithmeticConfig.OPTIONS)
                        .take(MemoryConfig.OPTIONS)
                        .atTheEnd();
    }

    @Override
    public Integer call() {
        // It evaluates on nothing but what it holds out itself.
        told = run.told().without(List.of(DataConfig.EVAL));
        if (probeSteps < 1) {
            throw new BadInputException(
                    "--probe-steps", probeSteps + " steps show nothing", "give 1 or more");
        }
        told = context.models().found(told);
        double start = options(Path.of("out")).build().arithmetic().lr();
        FindResult found;
        try {
            found = new WorkLine(context).during((stop, progress) -> find(start, stop, progress));
        } catch (StoppedException e) {
            return ExitCode.INTERRUPTED;
        }
        if (json.wanted()) {
            context.printJson(answer(found));
        } else {
            print(found);
        }
        return ExitCode.DONE;
    }

    private FindResult find(double start, RunListener stop, Consumer<String> progress) {
        try (ThrowAwayFolder folder = ThrowAwayFolder.in(workPlace(), ELSEWHERE)) {
            Operations.FindRequest request =
                    new Operations.FindRequest(this::options, start, probeSteps, folder.path());
            return context.engine().find(request, stop, progress);
        }
    }

    /** Blocks that memory does not hold go to the drive that the run itself would use. */
    private Path workPlace() {
        return Objects.requireNonNullElse(
                told.find(MemoryConfig.NVME_DIR).orElse(null), Path.of("").toAbsolutePath());
    }

    private TuneConfigBuilder options(Path out) {
        return TuneConfig.builder(told.with(OutputConfig.OUT, out));
    }

    private void print(FindResult found) {
        if (!found.epsTrials().isEmpty()) {
            context.print("     eps        slope  disagreement");
        }
        for (EpsTrial trial : found.epsTrials()) {
            context.print(
                    String.format(
                            Locale.ROOT,
                            "%8s  %11.4g  %11.1f%%  %s",
                            number(trial.eps()),
                            trial.slope(),
                            100 * trial.disagreement(),
                            trial.eps() == found.eps() ? "<- proposed" : ""));
        }
        if (!found.epsTrials().isEmpty()) {
            context.print("");
        }
        context.print("      lr  held-out loss");
        for (RateTrial trial : found.rateTrials()) {
            context.print(
                    String.format(
                            Locale.ROOT,
                            "%8s  %s",
                            number(trial.lr()),
                            Double.isNaN(trial.after())
                                    ? "no number any more"
                                    : String.format(
                                            Locale.ROOT,
                                            "%.4f -> %.4f%s",
                                            trial.before(),
                                            trial.after(),
                                            trial.stable() ? "" : "  rises")));
        }
        context.print("");
        context.print(
                String.format(
                        Locale.ROOT,
                        "proposed: %s, a third of the rate that did best (%s)",
                        String.join(" ", proposed(found)),
                        number(found.best())));
        context.print(tuneCommand(found));
    }

    private String tuneCommand(FindResult found) {
        return "  ./millrace "
                + String.join(
                        " ",
                        TuneCommandLine.of(
                                spec.commandLine().getParseResult().originalArgs(),
                                proposed(found)));
    }

    /** Along the gradient nothing is perturbed, and ε means nothing. */
    private static List<String> proposed(FindResult found) {
        List<String> words = new ArrayList<>();
        if (!found.epsTrials().isEmpty()) {
            words.addAll(List.of("--eps", number(found.eps())));
        }
        words.addAll(List.of("--lr", number(found.lr())));
        return words;
    }

    private Map<String, Object> answer(FindResult found) {
        Map<String, Object> answer = new LinkedHashMap<>();
        if (!found.epsTrials().isEmpty()) {
            answer.put("eps", found.eps());
        }
        answer.put("lr", found.lr());
        answer.put("best_lr", found.best());
        answer.put("eps_trials", found.epsTrials().stream().map(FindCommand::fields).toList());
        answer.put("lr_trials", found.rateTrials().stream().map(FindCommand::fields).toList());
        answer.put(
                "tune",
                TuneCommandLine.of(
                        spec.commandLine().getParseResult().originalArgs(), proposed(found)));
        return answer;
    }

    private static Map<String, Object> fields(EpsTrial trial) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("eps", trial.eps());
        fields.put("slope", CommandContext.orNull(trial.slope()));
        fields.put("disagreement", CommandContext.orNull(trial.disagreement()));
        return fields;
    }

    private static Map<String, Object> fields(RateTrial trial) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("lr", trial.lr());
        fields.put("loss_before", CommandContext.orNull(trial.before()));
        fields.put("loss_after", CommandContext.orNull(trial.after()));
        fields.put("stable", trial.stable());
        return fields;
    }

    /** Such as {@code 3.3e-5}, without zeros that say nothing. */
    private static String number(double value) {
        return String.format(Locale.ROOT, "%.1e", value)
                .replace(".0e", "e")
                .replaceFirst("e([+-])0?", "e$1")
                .replace("e+", "e");
    }
}
