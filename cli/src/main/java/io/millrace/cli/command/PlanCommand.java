package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.Converters;
import io.millrace.cli.option.Described;
import io.millrace.cli.option.FormOption;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.option.MachineOptions;
import io.millrace.cli.option.RunLine;
import io.millrace.cli.option.WorkersOptions;
import io.millrace.cli.plan.MethodTable;
import io.millrace.cli.plan.PlanReport;
import io.millrace.cli.plan.RunPlanner;
import io.millrace.cli.plan.ScalingPlot;
import io.millrace.cli.plan.SweepPlot;
import io.millrace.cli.plan.WorkersReport;
import io.millrace.executor.adapter.LoraKind;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.GivenPaths;
import io.millrace.executor.config.ManyConfigs;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Method;
import io.millrace.executor.config.Methods;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.data.Parallel;
import io.millrace.executor.config.data.SliceSharing;
import io.millrace.executor.plan.MethodPlans;
import io.millrace.executor.plan.ModelPlan;
import io.millrace.executor.plan.ModelShape;
import io.millrace.executor.plan.PlanOptions;
import io.millrace.executor.plan.SpreadPlans;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.optim.option.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** {@code millrace plan}. */
@Command(
        name = "plan",
        customSynopsis = "millrace plan (--model=DIR | --arch=NAME) [OPTION]...",
        description = "Show where a run's bytes would lie, what a step would cost, and why.")
public final class PlanCommand implements Callable<Integer>, Described {
    private static final String ALL = "all";

    private final CommandContext context;

    @ArgGroup(multiplicity = "0..1")
    private Source source = new Source();

    @Mixin private JsonOption json = new JsonOption();

    @Mixin private FormOption form = new FormOption();

    @Mixin private MachineOptions machine = new MachineOptions();

    @Mixin private WorkersOptions workers = new WorkersOptions();

    @Option(
            names = "--plot",
            paramLabel = "FILE",
            description = "Write the sweep over budgets as an SVG picture.")
    private Path plot;

    @Option(
            names = "--endurance",
            paramLabel = "SIZE",
            converter = Converters.Size.class,
            description = "Bytes that the drive is rated to be written. Default: 600TB.")
    private Long endurance;

    @Option(
            names = "--methods",
            paramLabel = "all|NAME,...",
            description =
                    "Add what each of these methods would take for the same model, batch and"
                            + " budgets, and which is the cheapest that fits.")
    private String methods;

    private RunLine run;

    public PlanCommand(CommandContext context) {
        this.context = context;
    }

    /** Where the shapes come from: one of two. */
    static final class Source {
        @Option(
                names = "--model",
                required = true,
                paramLabel = "DIR",
                description = "Hugging Face folder; its weights are not read.")
        private Path model;

        @Option(
                names = "--arch",
                required = true,
                paramLabel = "NAME",
                description =
                        "A known model, such as opt-175b or llama-405b; in bfloat16 unless"
                                + " --dtype is given.")
        private String arch;
    }

    @Override
    public void describe(CommandSpec command) {
        run =
                RunLine.of(command)
                        .takeRecipe()
                        .take(DataConfig.BATCH_SIZE, "Sequences a step. Default: 16.")
                        .take(
                                DataConfig.MICRO_BATCH,
                                "Sequences that pass through a block together. Default: what makes"
                                        + " the fastest step.")
                        .take(
                                TaskConfig.SEQ_LEN,
                                "Tokens of a sequence. Default: the model's limit, at most 2048.")
                        .take(
                                TaskConfig.LABEL_WORDS,
                                "The run's words, which --objective accuracy has all passes take"
                                        + " through the model.")
                        .take(
                                ManyConfigs.ADAPTERS,
                                "Runs of such an adapter that share passes over one base. Default:"
                                        + " 1.")
                        .take(List.of(Methods.METHOD))
                        .take(ArithmeticConfig.STEP)
                        .take(MemoryConfig.OPTIONS)
                        .take(Parallel.OPTIONS)
                        .after("--json");
    }

    @Override
    public Integer call() {
        if (plot != null) {
            GivenPaths.requireWritableFile("--plot", plot);
        }
        workers.check();
        List<Method> compared = compared();
        Settings told = packed(run.told());
        // A plan reads no data and writes no folder: all that counts of the run is its arithmetic.
        ArithmeticConfig arithmetic = TuneConfig.builder(told).arithmetic();
        RunPlanner planner = new RunPlanner(told, PlanOptions.of(told, arithmetic));
        RunPlanner.Place place = planner.place(() -> shape(arithmetic.dtype()), machine);
        ModelPlan plan = planner.plan(place);
        Optional<WorkersReport> spread =
                workers.areAsked() ? Optional.of(spread(plan)) : Optional.empty();
        PlanReport report =
                new PlanReport(plan, Objects.requireNonNullElse(endurance, PlanReport.ENDURANCE));
        if (plot != null) {
            write(
                    plot,
                    workers.simulates()
                            ? scaling(plan, spread.orElseThrow())
                            : SweepPlot.svg(plan));
        }
        Map<String, Object> fields = new LinkedHashMap<>(report.fields());
        List<String> lines = new ArrayList<>(report.lines());
        spread.ifPresent(one -> {
            fields.put("workers", one.fields());
            lines.addAll(one.lines());
        });
        if (methods != null) {
            Settings said = packed(run.said().without(List.of(Methods.METHOD)));
            MethodTable table =
                    new MethodTable(
                            MethodPlans.of(compared, said, place.shape(), place.machine()), plan);
            fields.putAll(table.fields());
            lines.add("");
            lines.addAll(table.lines());
        }
        if (json.wanted()) {
            context.printJson(fields);
        } else {
            lines.forEach(context::print);
        }
        return ExitCode.DONE;
    }

    private WorkersReport spread(ModelPlan plan) {
        Settings told = run.told();
        Parallel mode = told.find(Parallel.OPTION).orElse(Parallel.AUTO);
        return new WorkersReport(
                new SpreadPlans(plan, told.has(DataConfig.MICRO_BATCH)),
                mode,
                told.find(SliceSharing.OPTION).orElse(SliceSharing.AUTO),
                workers.count(),
                workers.network(),
                workers.simulates());
    }

    private String scaling(ModelPlan plan, WorkersReport spread) {
        return ScalingPlot.svg(
                String.format(
                        "%s, batch %d × %d, over %s",
                        plan.model().name(),
                        plan.options().batchSize(),
                        plan.tokensEach(),
                        workers.network().label()),
                spread.points());
    }

    /** Methods that are to be compared, if any. */
    private List<Method> compared() {
        if (methods == null) {
            return List.of();
        }
        if (methods.equals(ALL)) {
            return List.copyOf(Methods.all());
        }
        return Arrays.stream(methods.split(",", -1)).distinct().map(PlanCommand::named).toList();
    }

    private static Method named(String name) {
        return Methods.all().stream()
                .filter(method -> method.name().equals(name))
                .findAny()
                .orElseThrow(() ->
                        new BadInputException(
                                "--methods",
                                "unknown name '" + name + "'",
                                "give " + ALL + ", or names that 'millrace methods' lists"));
    }

    private ModelShape shape(Optional<DType> stored) {
        return source.arch != null
                ? ModelShape.named(source.arch, stored, form.packing())
                : ModelShape.ofFolder(folder(), stored);
    }

    /** What is tuned over codes, where nothing was said: an adapter. */
    private Settings packed(Settings told) {
        if (form.packing().isEmpty()) {
            return told;
        }
        if (source.arch == null) {
            throw new BadInputException(
                    "--format",
                    "a folder says itself how its matrices are stored",
                    "give --arch, or leave --format out");
        }
        boolean says = told.has(TrainedTensors.TUNE) || told.has(Methods.METHOD);
        return says ? told : told.with(TrainedTensors.TUNE, LoraKind.NAME);
    }

    private Path folder() {
        if (source.model != null) {
            return context.models().folder(source.model);
        }
        return run.recipe()
                .find(TuneConfig.MODEL)
                .map(context.models()::folder)
                .orElseThrow(() ->
                        new ParameterException(
                                run.commandLine(),
                                "Missing required argument (specify one of these):"
                                        + " (--model=DIR | --arch=NAME)"));
    }

    private static void write(Path file, String text) {
        try {
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new BadInputException(
                    "--plot",
                    file + " cannot be written (" + e.getMessage() + ")",
                    "give a file in a folder that is there");
        }
    }
}
