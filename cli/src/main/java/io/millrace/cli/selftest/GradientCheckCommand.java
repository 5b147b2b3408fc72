package io.millrace.cli.selftest;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.Described;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.option.RunLine;
import io.millrace.executor.GradientCheck;
import io.millrace.executor.adapter.AdapterKinds;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.BegunAdapter;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.executor.config.TuneConfig;
import io.millrace.optim.gradient.rule.Lomo;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Settings;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** {@code millrace gradcheck}. */
@Command(
        name = "gradcheck",
        customSynopsis = "millrace gradcheck --model=DIR [OPTION]...",
        description =
                "Hold a model's gradient to slopes of its loss along random directions, which two"
                        + " forwards find without it, on made-up tokens. Exit code 1 where they"
                        + " differ.")
public final class GradientCheckCommand implements Callable<Integer>, Described {
    private final CommandContext context;

    @Option(
            names = "--directions",
            paramLabel = "N",
            description = "Directions along which slopes are taken. Default: 8.")
    private int directions = 8;

    @Option(
            names = "--eps",
            paramLabel = "F",
            description =
                    "How far along a direction. Of a mixture of experts a small one: a token that"
                            + " chooses other experts there makes a jump, which is no slope."
                            + " Default: 0.0001.")
    private double eps = 1e-4;

    @Option(
            names = "--seq-len",
            paramLabel = "T",
            description = "Tokens of a sequence. Default: 32.")
    private int tokens = 32;

    @Option(
            names = "--batch-size",
            paramLabel = "B",
            description = "Sequences of the batch. Default: 2.")
    private int sequences = 2;

    @Option(
            names = "--tolerance",
            paramLabel = "F",
            description =
                    "How far a slope may be off, as a share of the gradient's norm: slopes along"
                            + " random directions are about as large as that. Default: 0.02.")
    private double tolerance = 0.02;

    @Mixin private JsonOption json = new JsonOption();

    private RunLine run;

    public GradientCheckCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public void describe(CommandSpec command) {
        run =
                RunLine.of(command)
                        .require(TuneConfig.MODEL)
                        .take(List.of(TrainedTensors.TUNE, BegunAdapter.ADAPTER))
                        .take(AdapterKinds.OPTIONS)
                        .take(List.of(ArithmeticConfig.SEED, ArithmeticConfig.DTYPE))
                        .take(MemoryConfig.OPTIONS)
                        .atTheEnd();
    }

    @Override
    public Integer call() {
        Settings told = context.models().found(run.told());
        GradientCheck.Result result =
                context.engine()
                        .checkGradient(
                                new GradientCheck.Asked(
                                        told.get(TuneConfig.MODEL),
                                        // A rule that keeps no states beside what is checked.
                                        TuneConfig.builder(
                                                        told.with(
                                                                Optimizers.KINDS.naming(),
                                                                Lomo.NAME))
                                                .arithmetic(),
                                        new MemoryConfig(told),
                                        sequences,
                                        tokens,
                                        directions,
                                        eps));
        boolean agrees = result.worst() <= tolerance; // which no NaN is
        if (json.wanted()) {
            context.printJson(answer(result, agrees));
        } else {
            print(result, agrees);
        }
        return agrees ? ExitCode.DONE : ExitCode.FAILED;
    }

    private void print(GradientCheck.Result result, boolean agrees) {
        context.print(format("loss %.6f, norm of the gradient %.6g", result.loss(), result.norm()));
        context.print("         slope   inner product      difference");
        for (GradientCheck.Line line : result.lines()) {
            context.print(
                    format(
                            "%14.6g  %14.6g  %13.4f %%",
                            line.slope(), line.product(), 100 * result.difference(line)));
        }
        context.print(
                format(
                        "%s: at most %.4f %% of the norm apart, where %.4f %% may be",
                        agrees ? "they agree" : "they differ",
                        100 * result.worst(),
                        100 * tolerance));
    }

    private Map<String, Object> answer(GradientCheck.Result result, boolean agrees) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("ok", agrees);
        answer.put("loss", CommandContext.orNull(result.loss()));
        answer.put("norm", CommandContext.orNull(result.norm()));
        answer.put("worst", CommandContext.orNull(result.worst()));
        answer.put("tolerance", tolerance);
        answer.put(
                "directions", result.lines().stream().map(line -> fields(result, line)).toList());
        return answer;
    }

    private static Map<String, Object> fields(
            GradientCheck.Result result, GradientCheck.Line line) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("slope", CommandContext.orNull(line.slope()));
        fields.put("product", CommandContext.orNull(line.product()));
        fields.put("difference", CommandContext.orNull(result.difference(line)));
        return fields;
    }

    @SuppressWarnings("AnnotateFormatMethod") // its annotation is a library of its own
    private static String format(String form, Object... values) {
        return String.format(Locale.ROOT, form, values);
    }
}
