package io.millrace.bench;

import io.millrace.bench.plot.SizePlot;
import io.millrace.bench.program.Folders;
import io.millrace.bench.program.Options;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.plan.ModelPlan;
import io.millrace.executor.plan.ModelPlanner;
import io.millrace.executor.plan.ModelShape;
import io.millrace.executor.plan.PlanOptions;
import io.millrace.executor.probe.MachineProbe;
import io.millrace.memory.DType;
import io.millrace.memory.Tier;
import io.millrace.memory.device.DeviceName;
import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.plan.MachineFile;
import io.millrace.telemetry.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * How the cost of a step grows with the model: one shape of batch, weights in bfloat16 streamed
 * from the drive under a host budget of a quarter of them, or of what the smallest models need at
 * least. Prints a table, and draws it.
 *
 * <pre>
 *   SizeCurve FOLDER PLOT.svg [--archs opt-125m,...] [--batch 4] [--tokens 128] [--share 0.25]
 *             [--machine FILE] [--keep yes]
 * </pre>
 *
 * A model that was made here is removed once it is measured, unless told otherwise.
 */
public final class SizeCurve {
    private static final int VOCABULARY = 30000;
    private static final double SECONDS_EACH = 40;
    private static final long STREAMING_BYTES = 16L << 20; // buffers beside the least of all
    private static final int FEWEST_STEPS = 4;
    private static final int MOST_STEPS = 20;

    private final Path folder;
    private final Machine machine;
    private final int batch;
    private final int tokens;
    private final double share;

    private SizeCurve(Path folder, Machine machine, int batch, int tokens, double share) {
        this.folder = folder;
        this.machine = machine;
        this.batch = batch;
        this.tokens = tokens;
        this.share = share;
    }

    /** Measures size after size. */
    public static void main(String[] arguments) throws IOException {
        Path folder = Files.createDirectories(Path.of(arguments[0]));
        Options given = new Options(arguments, 2);
        Machine machine =
                given.find("--machine")
                        .map(file -> MachineFile.read(Path.of(file)))
                        .orElseGet(() -> MachineProbe.run("this machine", folder, what -> {}));
        SizeCurve curve =
                new SizeCurve(
                        folder,
                        machine,
                        given.number("--batch", 4),
                        given.number("--tokens", 128),
                        Double.parseDouble(given.get("--share", "0.25")));
        List<SizePlot.Point> points = new ArrayList<>();
        System.out.println(
                "| model | parameters | host budget | stays | steps | step s, median (spread)"
                        + " | ps a parameter and token | pipeline efficiency | hidden transfer |");
        System.out.println("|---|---|---|---|---|---|---|---|---|");
        String archs = given.get("--archs", "opt-125m,opt-350m,opt-1.3b,opt-2.7b,opt-6.7b");
        for (String arch : archs.split(",", -1)) {
            points.add(curve.measure(arch, given.find("--keep").isPresent()));
        }
        double unit = middle(points);
        for (SizePlot.Point point : points) {
            System.out.printf(
                    Locale.ROOT,
                    "%s: %+.1f %% from linear%n",
                    point.name(),
                    100 * (point.unit() / unit - 1));
        }
        Files.writeString(
                Path.of(arguments[1]), new SizePlot(points, unit, curve.batch, curve.tokens).svg());
    }

    /** The constant from which no point is farther than it must be. */
    private static double middle(List<SizePlot.Point> points) {
        double least = points.stream().mapToDouble(SizePlot.Point::unit).min().orElseThrow();
        double most = points.stream().mapToDouble(SizePlot.Point::unit).max().orElseThrow();
        return (least + most) / 2;
    }

    private SizePlot.Point measure(String arch, boolean keep) throws IOException {
        boolean made = !Files.exists(folder.resolve(arch + "-bfloat16"));
        Path model = BenchModels.of(folder, arch, DType.BF16);
        ModelShape shape = ModelShape.ofFolder(model, Optional.empty());
        ModelPlan free = ModelPlanner.plan(shape, options(OptionalLong.empty()), machine, false);
        long weights = shape.layout().sizeBytes();
        long budget =
                Math.max(
                        Math.round(share * weights),
                        free.memory().minimumHostBytes() + STREAMING_BYTES);
        int steps =
                Math.clamp(
                        (long) (SECONDS_EACH / free.forecast().stepSeconds()),
                        FEWEST_STEPS,
                        MOST_STEPS);
        Path rows =
                TuneRun.writeRows(
                        folder.resolve("rows-" + tokens + ".jsonl"),
                        batch * steps,
                        tokens,
                        VOCABULARY);
        ModelPlan plan = ModelPlanner.plan(shape, options(OptionalLong.of(budget)), machine, false);
        List<StepMetrics> taken =
                Steps.take(
                        TuneConfig.builder(model, rows, folder.resolve("out"))
                                .batchSize(batch)
                                .microBatch(batch)
                                .steps(steps)
                                .lr(1e-7)
                                .shuffle(false)
                                .memory(memory(OptionalLong.of(budget)))
                                .build(),
                        steps);
        if (made && !keep) {
            Folders.delete(model);
        }
        SizePlot.Point point =
                new SizePlot.Point(
                        arch,
                        shape.layout().elementCount(),
                        (double) shape.layout().elementCount() * batch * tokens,
                        Steps.median(taken, step -> step.overlap().seconds()));
        print(point, budget, plan, taken);
        return point;
    }

    private static void print(
            SizePlot.Point point, long budget, ModelPlan plan, List<StepMetrics> taken) {
        System.out.printf(
                Locale.ROOT,
                "| %s | %.3f G | %d MiB | %d of %d | %d | %.3f (%.3f to %.3f) | %.2f | %.3f | %.3f |%n",
                point.name(),
                point.parameters() / 1e9,
                budget >> 20,
                plan.placement().homes().stream().filter(home -> home != Tier.NVME).count(),
                plan.placement().homes().size(),
                taken.size(),
                point.seconds(),
                taken.stream().mapToDouble(step -> step.overlap().seconds()).min().orElseThrow(),
                taken.stream().mapToDouble(step -> step.overlap().seconds()).max().orElseThrow(),
                point.unit() * 1e12,
                Steps.median(taken, step -> step.overlap().pipelineEfficiency()),
                Steps.median(taken, step -> step.overlap().hiddenTransfer()));
    }

    private PlanOptions options(OptionalLong hostBudget) {
        return new PlanOptions(
                batch,
                OptionalInt.of(batch),
                OptionalInt.of(tokens),
                TuneConfig.builder(folder, folder, folder).arithmetic(),
                memory(hostBudget));
    }

    private MemoryConfig memory(OptionalLong hostBudget) {
        return new MemoryConfig(
                DeviceName.CPU,
                OptionalLong.empty(),
                hostBudget,
                Optional.of(folder.resolve("nvme")),
                OptionalLong.empty(),
                MemoryConfig.DEFAULT.prefetch(),
                true);
    }
}
