package io.millrace.bench;

import io.millrace.bench.program.Options;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.plan.ModelPlanner;
import io.millrace.executor.plan.ModelShape;
import io.millrace.executor.plan.PlanOptions;
import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceName;
import io.millrace.optim.direction.Directions;
import io.millrace.prefetch.plan.Operation;
import io.millrace.prefetch.plan.StepWork;
import io.millrace.telemetry.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;

/**
 * A step on the CPU, operator by operator: what it computes and moves, how fast the library or the
 * machine can do that at best, the floor that follows, what the workers took, and the gap. Ceilings
 * and steps take turns; the figures are medians.
 *
 * <pre>
 *   Roofline FOLDER [--arch opt-125m] [--dtype float32] [--batch 8] [--tokens 128]
 *            [--perturbation gaussian] [--host-budget BYTES] [--rounds 5] [--steps 6]
 * </pre>
 */
public final class Roofline {
    private static final int ROWS = 64;
    private static final int VOCABULARY = 30000;
    private static final double GIGA = 1e9;
    private static final double MILLI = 1e-3;

    private final StepWork work;
    private final Ceilings ceilings;
    private final List<StepMetrics> steps;

    /**
     * One operator.
     *
     * @param work what it does, in words
     * @param bytes read and written
     * @param rate the best rate, in words
     * @param floor seconds at that rate
     * @param measured seconds of all workers together, as wall time
     */
    private record Row(
            String name, String work, double bytes, String rate, double floor, double measured) {}

    private Roofline(StepWork work, Ceilings ceilings, List<StepMetrics> steps) {
        this.work = work;
        this.ceilings = ceilings;
        this.steps = steps;
    }

    /** Measures and prints a table. */
    public static void main(String[] arguments) throws IOException {
        Path folder = Files.createDirectories(Path.of(arguments[0]));
        Options given = new Options(arguments, 1);
        DType dtype = given.get("--dtype", "float32").equals("bfloat16") ? DType.BF16 : DType.F32;
        Path model = BenchModels.of(folder, given.get("--arch", "opt-125m"), dtype);
        int batch = given.number("--batch", 8);
        int tokens = given.number("--tokens", 128);
        int rounds = given.number("--rounds", 5);
        int count = given.number("--steps", 6);
        String perturbation = given.get("--perturbation", "gaussian");
        MemoryConfig memory =
                new MemoryConfig(
                        DeviceName.CPU,
                        OptionalLong.empty(),
                        given.find("--host-budget")
                                .map(bytes -> OptionalLong.of(Long.parseLong(bytes)))
                                .orElse(OptionalLong.empty()),
                        Optional.of(folder.resolve("nvme")),
                        OptionalLong.empty(),
                        MemoryConfig.DEFAULT.prefetch(),
                        true);
        Path rows =
                TuneRun.writeRows(
                        folder.resolve("rows-" + tokens + ".jsonl"), ROWS, tokens, VOCABULARY);
        TuneConfig config =
                TuneConfig.builder(model, rows, folder.resolve("out"))
                        .batchSize(batch)
                        .microBatch(batch)
                        .perturbation(perturbation)
                        .steps(count)
                        .lr(1e-7)
                        .shuffle(false)
                        .memory(memory)
                        .build();
        PlanOptions options =
                new PlanOptions(
                        batch,
                        OptionalInt.of(batch),
                        OptionalInt.of(tokens),
                        config.arithmetic(),
                        memory);
        int workers = Runtime.getRuntime().availableProcessors();
        StepWork work =
                ModelPlanner.work(
                        ModelShape.ofFolder(model, Optional.empty()), options, tokens, workers);
        Steps.take(config, count); // until the compiler is done
        try (Ceilings ceilings =
                new Ceilings(workers, Directions.dense(perturbation), shapes(work))) {
            List<StepMetrics> steps = new ArrayList<>();
            for (int round = 0; round < rounds; round++) {
                ceilings.measure();
                steps.addAll(Steps.take(config, count));
            }
            new Roofline(work, ceilings, steps).print();
        }
    }

    private static Set<Ceilings.Shape> shapes(StepWork work) {
        Set<Ceilings.Shape> shapes = new LinkedHashSet<>();
        for (Operation operation : operations(work)) {
            if (operation instanceof Operation.Matmul matmul) {
                shapes.add(new Ceilings.Shape(matmul));
            }
        }
        return shapes;
    }

    private static List<Operation> operations(StepWork work) {
        return work.visits().stream().flatMap(visit -> visit.folding().stream()).toList();
    }

    private void print() {
        double step = Steps.median(steps, one -> one.overlap().seconds());
        double asStored = gemmSeconds(true);
        double best = gemmSeconds(false);
        List<Row> rows = new ArrayList<>();
        rows.add(gemm(best));
        rows.add(form());
        rows.add(attention(best));
        for (Operation.Kind kind :
                List.of(
                        Operation.Kind.NORM,
                        Operation.Kind.ACTIVATION,
                        Operation.Kind.ROTARY,
                        Operation.Kind.LOSS)) {
            rows.add(pass(kind));
        }
        double told = rows.stream().mapToDouble(Row::measured).sum();
        rows.add(new Row("other", "waiting, hand-overs", 0, "", 0, Math.max(0, step - told)));
        System.out.println("| operator | work | GB | best rate | floor ms | took ms | gap ms |");
        System.out.println("|---|---|---|---|---|---|---|");
        rows.forEach(Roofline::print);
        double floor = rows.stream().mapToDouble(Row::floor).sum();
        print(new Row("step", "", 0, "", floor, step));
        System.out.printf(
                Locale.ROOT,
                "%nGEMM at oneDNN's rate / step: %.3f with weights as stored, %.3f in its best"
                        + " layout; steps %.3f to %.3f s, %d of them%n",
                asStored / step,
                best / step,
                steps.stream().mapToDouble(one -> one.overlap().seconds()).min().orElseThrow(),
                steps.stream().mapToDouble(one -> one.overlap().seconds()).max().orElseThrow(),
                steps.size());
        for (Ceilings.Shape shape : shapes(work)) {
            System.out.printf(
                    Locale.ROOT,
                    "oneDNN %d x %d x %d: %.0f GFLOP/s as stored, %.0f in its best layout%n",
                    shape.rows(),
                    shape.inputs(),
                    shape.outputs(),
                    ceilings.flopsPerSecond(shape, true) / GIGA,
                    ceilings.flopsPerSecond(shape, false) / GIGA);
        }
    }

    private static void print(Row row) {
        System.out.printf(
                Locale.ROOT,
                "| %s | %s | %s | %s | %.1f | %.1f | %.1f |%n",
                row.name,
                row.work,
                row.bytes == 0 ? "" : String.format(Locale.ROOT, "%.2f", row.bytes / GIGA),
                row.rate,
                row.floor / MILLI,
                row.measured / MILLI,
                (row.measured - row.floor) / MILLI);
    }

    private double gemmSeconds(boolean asStored) {
        double seconds = 0;
        for (Operation operation : operations(work)) {
            if (operation instanceof Operation.Matmul matmul) {
                seconds +=
                        matmul.flops()
                                / ceilings.flopsPerSecond(new Ceilings.Shape(matmul), asStored);
            }
        }
        return seconds;
    }

    private Row gemm(double floor) {
        double bytes = 0;
        for (Operation operation : operations(work)) {
            if (operation instanceof Operation.Matmul m) {
                double elements =
                        (double) m.rows() * m.inputs()
                                + (double) m.inputs() * m.outputs()
                                + (double) m.rows() * m.outputs();
                bytes += Float.BYTES * elements * m.times();
            }
        }
        double flops = work.matmulFlops();
        return new Row(
                "gemm",
                number(flops) + " GFLOP",
                bytes,
                number(flops / floor) + " GFLOP/s",
                floor,
                took("gemm"));
    }

    /** z and the weights' own bytes; the panels that are written stay in a cache. */
    private Row form() {
        double values = 0;
        double bytes = 0;
        for (Operation operation : operations(work)) {
            if (operation instanceof Operation.Form form) {
                values += form.elements() * form.terms();
                bytes +=
                        (double) form.elements()
                                * form.dtype().sizeBytes()
                                * (form.stores() ? 2 : 1);
            }
        }
        return new Row(
                "form",
                number(values) + " G z",
                bytes,
                number(ceilings.zPerSecond()) + " G z/s",
                Math.max(values / ceilings.zPerSecond(), bytes / ceilings.farBytesPerSecond()),
                took("form") + took("embedding"));
    }

    private Row attention(double gemmFloor) {
        double flops = 0;
        double bytes = 0;
        for (Operation operation : operations(work)) {
            if (operation instanceof Operation.Attend attend) {
                flops += attend.flops();
                double elements = 4.0 * attend.tokens() * attend.headSize(); // q, k, v and the sum
                bytes += Float.BYTES * elements * attend.times();
            }
        }
        double rate = work.matmulFlops() / gemmFloor;
        return new Row(
                "attention",
                number(flops) + " GFLOP",
                bytes,
                number(rate) + " GFLOP/s",
                flops / rate,
                took("attention"));
    }

    private Row pass(Operation.Kind kind) {
        double elements = 0;
        for (Operation operation : operations(work)) {
            if (operation instanceof Operation.Pass pass && takenFor(pass.kind()) == kind) {
                elements += pass.elements();
            }
        }
        boolean writes = kind != Operation.Kind.LOSS;
        double bytes = elements * Float.BYTES * (writes ? 2 : 1);
        return new Row(
                kind.label(),
                number(elements) + " G elements",
                bytes,
                number(ceilings.nearBytesPerSecond()) + " GB/s",
                bytes / ceilings.nearBytesPerSecond(),
                took(kind.label()));
    }

    /** Under which operator the workers' clock counts a pass. */
    private static Operation.Kind takenFor(Operation.Kind kind) {
        return switch (kind) {
            case RELU, COPY -> Operation.Kind.ACTIVATION;
            default -> kind;
        };
    }

    private double took(String operator) {
        return Steps.median(
                steps,
                step ->
                        step.operators().seconds().getOrDefault(operator, 0.0)
                                / step.operators().workers());
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, value < 10 * GIGA ? "%.2f" : "%.0f", value / GIGA);
    }
}
