package io.millrace.bench;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.executor.config.TuneConfig;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.optim.option.Settings;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.StepMetrics;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Steps of a LoRA beside a base as it is and beside the same shape in fewer bits, in turns: in
 * memory, or streamed under a budget.
 *
 * <pre>
 *   PackedTurns FOLDER [--arch opt-125m] [--dtype float32] [--formats int4] [--cases 4x128]
 *               [--matmul native] [--host-budget 620MiB] [--rounds 2] [--steps 3]
 * </pre>
 */
public final class PackedTurns {
    private static final int LEFT_OUT = 2; // what Steps leaves out

    private final Comparison comparison;
    private final String plain;
    private final Map<String, Path> models = new LinkedHashMap<>();
    private final Matmul matmul;
    private final int steps;
    private final int rounds;

    private PackedTurns(Path folder, Options given) throws IOException {
        String arch = given.get("--arch", "opt-125m");
        DType dtype = DType.find(given.get("--dtype", "float32")).orElseThrow();
        plain = dtype.torchName();
        steps = given.number("--steps", 3);
        rounds = given.number("--rounds", 2);
        matmul = Matmul.valueOf(given.get("--matmul", "native").toUpperCase(Locale.ROOT));
        comparison = new Comparison(folder, given, steps, rounds);
        models.put(plain, BenchModels.of(folder, arch, dtype));
        for (String format : given.get("--formats", "int4").split(",", -1)) {
            models.put(format, BenchModels.packed(folder, arch, dtype, format));
        }
    }

    /** Measures and prints a table. */
    public static void main(String[] arguments) throws IOException {
        PackedTurns turns = new PackedTurns(Path.of(arguments[0]), new Options(arguments, 1));
        System.out.println(
                "| base | batch | s a step, median (least) | over the first's, medians (least)"
                        + " | read a step, MiB | hidden | bound by |");
        System.out.println("|---|---|---|---|---|---|---|");
        turns.comparison.cases("4x128", turns::run);
    }

    private void run(int rows, int tokens) throws IOException {
        Settings told =
                comparison
                        .told(rows, tokens)
                        .with(TrainedTensors.TUNE, "lora")
                        .with(ArithmeticConfig.MATMUL, matmul);
        Map<String, List<StepMetrics>> taken = new LinkedHashMap<>();
        for (int round = 0; round < rounds; round++) {
            for (Map.Entry<String, Path> model : models.entrySet()) {
                TuneConfig config =
                        TuneConfig.builder(told.with(TuneConfig.MODEL, model.getValue())).build();
                taken.computeIfAbsent(model.getKey(), _ -> new ArrayList<>())
                        .addAll(Steps.take(config, LEFT_OUT + steps));
            }
        }
        double median = median(taken.get(plain));
        double least = least(taken.get(plain));
        taken.forEach((name, of) -> {
            StepMetrics last = of.getLast();
            System.out.printf(
                    Locale.ROOT,
                    "| %s | %d x %d | %.3f (%.3f) | %.3f (%.3f) | %.0f | %.4f | %s |%n",
                    name,
                    rows,
                    tokens,
                    median(of),
                    least(of),
                    median(of) / median,
                    least(of) / least,
                    last.overlap().lanes().get(Lane.NVME_READ).bytes() / 0x1p20,
                    last.overlap().hiddenTransfer(),
                    last.overlap().boundLane());
        });
    }

    private static double median(List<StepMetrics> steps) {
        return Steps.median(steps, step -> step.overlap().seconds());
    }

    private static double least(List<StepMetrics> steps) {
        return steps.stream().mapToDouble(step -> step.overlap().seconds()).min().orElseThrow();
    }
}
