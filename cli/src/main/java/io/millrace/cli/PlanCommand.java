package io.millrace.cli;

import io.millrace.executor.ModelPlan;
import io.millrace.executor.ModelPlanner;
import io.millrace.executor.ModelShape;
import io.millrace.executor.PlanOptions;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
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
final class PlanCommand implements Callable<Integer> {
    private static final int DEFAULT_BATCH = 16;

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

    @Option(names = "--queries", paramLabel = "Q", description = "Directions a step. Default: 1.")
    private Integer queries;

    @Option(
            names = "--perturbation",
            paramLabel = "NAME",
            description = "gaussian or rademacher. Default: gaussian.")
    private String perturbation;

    @Option(
            names = "--fold-every",
            paramLabel = "K",
            description = "Round updates into the stored weights every K steps. Default: 1.")
    private Integer foldEvery;

    @Option(
            names = "--dtype",
            paramLabel = "D",
            description =
                    "float32, bfloat16 or float16. Default: the checkpoint's, and bfloat16 with"
                            + " --arch.")
    private DType dtype;

    @Option(
            names = "--matmul",
            paramLabel = "NAME",
            description =
                    "What products compute on: native; bf16, on a CPU; on a card tf32 (of float32)"
                            + " or fp8 (8.9 or newer). Default: native.")
    private Matmul matmul;

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

    PlanCommand(CommandContext context) {
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
                description = "A known model, such as opt-175b or llama-405b.")
        private String arch;
    }

    @Override
    public Integer call() {
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
        MemoryConfig budgets = memory.config();
        Optional<DType> stored = Optional.ofNullable(dtype);
        ModelShape shape =
                source.arch != null
                        ? ModelShape.named(source.arch, stored)
                        : ModelShape.ofFolder(source.model, stored);
        Matmul products = Objects.requireNonNullElse(matmul, Matmul.NATIVE);
        Machine chosen =
                machine.machine(memory.device(), shape.dtype(), products, budgets.nvmeDir());
        PlanOptions options =
                new PlanOptions(
                        atLeastOne(batchSize, DEFAULT_BATCH, "--batch-size"),
                        optional(microBatch, "--micro-batch"),
                        optional(seqLen, "--seq-len"),
                        atLeastOne(queries, 1, "--queries"),
                        Objects.requireNonNullElse(perturbation, "gaussian"),
                        atLeastOne(foldEvery, 1, "--fold-every"),
                        products,
                        stored,
                        budgets);
        return ModelPlanner.plan(shape, options, chosen, true);
    }

    private static int atLeastOne(Integer given, int otherwise, String option) {
        int value = Objects.requireNonNullElse(given, otherwise);
        if (value < 1) {
            throw new BadInputException(option, value + " is too small", "give at least 1");
        }
        return value;
    }

    private static OptionalInt optional(Integer given, String option) {
        return given == null ? OptionalInt.empty() : OptionalInt.of(atLeastOne(given, 1, option));
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
