package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.Converters;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.option.MachineOptions;
import io.millrace.cli.option.MemoryOptions;
import io.millrace.cli.option.StepOptions;
import io.millrace.executor.config.GivenPaths;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.plan.ModelPlan;
import io.millrace.executor.plan.ModelPlanner;
import io.millrace.executor.plan.ModelShape;
import io.millrace.executor.plan.PlanOptions;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.prefetch.plan.Machine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code millrace plan}. */
@Command(
        name = "plan",
        customSynopsis = "millrace plan (--model=DIR | --arch=NAME) [OPTION]...",
        description = "Show where a run's bytes would lie, what a step would cost, and why.")
public final class PlanCommand implements Callable<Integer> {
    private static final int DEFAULT_BATCH = 16;
    private static final Path NO_FILE = Path.of("");

    private final CommandContext context;

    @ArgGroup(multiplicity = "1")
    private Source source;

    @Mixin private JsonOption json = new JsonOption();

    @Option(
            names = "--batch-size",
            paramLabel = "B",
            description = "Sequences a step. Default: " + DEFAULT_BATCH + ".")
    private Integer batchSize;

    @Option(
            names = "--micro-batch",
            paramLabel = "M",
            description =
                    "Sequences that pass through a block together. Default: what makes the fastest"
                            + " step.")
    private Integer microBatch;

    @Option(
            names = "--seq-len",
            paramLabel = "T",
            description = "Tokens of a sequence. Default: the model's limit, at most 2048.")
    private Integer seqLen;

    @Mixin private StepOptions step = new StepOptions();

    @Mixin private MemoryOptions memory = new MemoryOptions();

    @Mixin private MachineOptions machine = new MachineOptions();

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
    public Integer call() {
        if (plot != null) {
            GivenPaths.requireWritableFile("--plot", plot);
        }
        ModelPlan plan = plan();
        PlanReport report =
                new PlanReport(plan, Objects.requireNonNullElse(endurance, PlanReport.ENDURANCE));
        if (plot != null) {
            write(plot, SweepPlot.svg(plan));
        }
        if (json.wanted()) {
            context.printJson(report.fields());
        } else {
            report.lines().forEach(context::print);
        }
        return ExitCode.DONE;
    }

    private ModelPlan plan() {
        // A plan reads no data and writes no folder: all that counts of the run is its arithmetic.
        TuneConfigBuilder run = TuneConfig.builder(NO_FILE, NO_FILE, NO_FILE);
        step.applyTo(run);
        PlanOptions options =
                new PlanOptions(
                        Objects.requireNonNullElse(batchSize, DEFAULT_BATCH),
                        optional(microBatch),
                        optional(seqLen),
                        run.arithmetic(),
                        memory.config());
        if (machine.isThisOne()) {
            options.memory()
                    .nvmeDir()
                    .ifPresent(dir -> GivenPaths.requireFolder("--nvme-dir", dir));
        }
        Optional<DType> stored = options.arithmetic().dtype();
        ModelShape shape =
                source.arch != null
                        ? ModelShape.named(source.arch, stored)
                        : ModelShape.ofFolder(source.model, stored);
        Machine chosen =
                machine.machine(
                        memory.device(),
                        shape.dtype(),
                        options.arithmetic().matmul(),
                        options.memory().nvmeDir());
        return ModelPlanner.plan(shape, options, chosen, true);
    }

    private static OptionalInt optional(Integer given) {
        return given == null ? OptionalInt.empty() : OptionalInt.of(given);
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
